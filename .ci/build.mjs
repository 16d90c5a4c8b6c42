// Compiles core, adapters and test into dist, and puts beside them what tsc does not copy: the files
// that the program reads at run time, in the same relative places as in the source. What has lost
// its source is removed; the rest is written over, since a server may be running from there.
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readdirSync, rmSync } from "node:fs";

execFileSync("tsc", { stdio: "inherit", shell: process.platform === "win32" });
mkdirSync("dist", { recursive: true });
for (const file of readdirSync("dist", { recursive: true, encoding: "utf8" })) {
  const source = file.replace(/(?:\.d\.ts|\.js)(?:\.map)?$/, ".ts");
  if (source !== file && !existsSync(source)) {
    rmSync(`dist/${file}`);
  }
}
for (const asset of [
  "adapters/file/sample",
  "adapters/console/page",
  "adapters/openapi/page",
  "docs/openapi.yaml",
]) {
  cpSync(asset, `dist/${asset}`, { recursive: true });
}
