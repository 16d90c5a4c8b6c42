import { readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { packPackage, readManifest, readSubpaths, run, unpackProject } from "../support/package.ts";
import { makeTempDir } from "../support/temp-dir.ts";
import { test } from "../support/test.ts";

// The package as it is published, in empty projects.

const subpaths = await readSubpaths();
const { dir, remove } = await makeTempDir();
test.after.always(remove);

let tarball = "";

test.before(async () => {
  tarball = await packPackage(dir);
});

test("the package pleases publint and Are The Types Wrong", async (t) => {
  for (const [program, ...options] of [
    ["publint", "run", "--strict"],
    ["attw", "--profile", "esm-only", "--no-emoji"],
  ] as const) {
    const { failed, text } = await run(
      ".",
      resolve("node_modules/.bin", program),
      ...options,
      tarball,
    );
    t.false(failed, text);
  }
});

test("docs/embedding.md says of every subpath what it needs", async (t) => {
  const { exports } = await readManifest();
  t.deepEqual(
    subpaths.map(({ name }) => name),
    Object.keys(exports).map((path) => path.replace(".", "sealtalk-misc")),
  );
});

for (const { name, packages, types } of subpaths) {
  test(`${name} installed with ${packages.join(", ") || "nothing else"} can be imported, and its types read with ${types.join(", ") || "no host's"}`, async (t) => {
    const project = join(dir, name.replace("/", "-"));
    await unpackProject(project, tarball, [...packages, ...types.filter((type) => type !== "DOM")]);
    await writeFile(
      join(project, "index.ts"),
      `import * as it from "${name}";\nexport const offered: ReadonlyArray<string> = Object.keys(it);\n`,
    );
    const compiled = await run(
      project,
      process.execPath,
      resolve("node_modules/typescript/bin/tsc"),
      ...["--strict", "--skipLibCheck", "false", "--module", "nodenext", "--target", "esnext"],
      ...["--lib", types.includes("DOM") ? "esnext,dom" : "esnext"],
      ...["--types", types.includes("@types/node") ? "node" : ""],
      "index.ts",
    );
    t.false(compiled.failed, compiled.text);
    const imported = await run(
      project,
      process.execPath,
      "--input-type=module",
      "--eval",
      'import { offered } from "./index.js"; if (offered.length === 0) throw new Error("nothing");',
    );
    t.false(imported.failed, imported.text);
  });
}

test("the core and what it needs weigh no more than docs/embedding.md says", async (t) => {
  const [, most] =
    /all together at most (\d+) MB/.exec(await readFile("docs/embedding.md", "utf8")) ?? [];
  const folder = join(dir, "sealtalk-misc", "node_modules");
  const files = await readdir(folder, { recursive: true });
  const sizes = await Promise.all(files.map(async (file) => (await stat(join(folder, file))).size));
  const bytes = sizes.reduce((sum, size) => sum + size, 0);
  t.log(`${bytes} bytes`);
  t.true(bytes > 1_000_000 && bytes <= 1_000_000 * Number(most), `${bytes} bytes`);
});
