// Compiles core, adapters and test into an empty dist, and puts beside them what tsc does not copy:
// the files that the program reads at run time, in the same relative places as in the source.
import { execFileSync } from "node:child_process";
import { cpSync, rmSync } from "node:fs";

rmSync("dist", { recursive: true, force: true });
execFileSync("tsc", { stdio: "inherit", shell: process.platform === "win32" });
for (const asset of ["adapters/file/sample", "docs/openapi.yaml"]) {
  cpSync(asset, `dist/${asset}`, { recursive: true });
}
