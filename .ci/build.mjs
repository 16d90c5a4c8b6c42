// Compiles core, adapters and test into dist, and puts beside them what tsc does not copy: the files
// that the program reads at run time, in the same relative places as in the source. What has lost
// its source is removed; the rest is written over, since a server may be running from there.
//
// The program is put together of its own modules, a few files for what each command needs, and asks
// for its libraries with `require`, for which Node takes less time than for as many ES modules.
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { basename, dirname, isAbsolute, join, relative } from "node:path";
import { rollup } from "rollup";

const PROGRAM = "dist/adapters/program";

const placeOf = (module) => {
  const way = JSON.stringify(relative(PROGRAM, module).replaceAll("\\", "/"));
  return `require("node:url").pathToFileURL(require("node:path").resolve(__dirname, ${way})).href`;
};

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

const program = await rollup({
  input: { main: "dist/adapters/cli/main.js" },
  external: (id) => !id.startsWith(".") && !isAbsolute(id),
  // A module finds what it reads by where it was, and not by the file that it becomes a part of.
  plugins: [{ name: "places", resolveImportMeta: (_, { moduleId }) => placeOf(moduleId) }],
});
const { output } = await program.write({
  dir: PROGRAM,
  format: "cjs",
  entryFileNames: "[name].cjs",
  // What is imported as adapters/hapi/mod.ts is hapi.cjs.
  chunkFileNames: ({ name, facadeModuleId }) =>
    `${name === "mod" && facadeModuleId ? basename(dirname(facadeModuleId)) : "[name]"}.cjs`,
  interop: "auto",
  hoistTransitiveImports: false,
});
const made = new Set(output.map(({ fileName }) => fileName));
for (const file of readdirSync(PROGRAM)) {
  if (!made.has(file)) {
    rmSync(join(PROGRAM, file));
  }
}
