import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { run } from "../support/package.ts";
import { denoPath } from "../support/runtimes.ts";
import { makeTempDir } from "../support/temp-dir.ts";
import { test } from "../support/test.ts";

const findingsIn = async (file: string): Promise<ReadonlyArray<string>> => {
  const { text } = await run(".", await denoPath(), "doc", "--lint", file);
  return stripVTControlCharacters(text).match(/^error\[.*$/gm) ?? [];
};

// deno doc wants every type documented here that is mentioned here, those of other packages too.
const OF_OTHERS = /references private type '(Branded|Either|IO|Option|Ord|Task|TaskEither|Type)'$/;

test("deno doc --lint finds nothing in the core but the types of fp-ts and io-ts", async (t) => {
  const findings = await findingsIn("core/mod.ts");
  t.true(findings.length > 0);
  t.deepEqual(
    findings.filter((finding) => !OF_OTHERS.test(finding)),
    [],
  );
});

test("deno doc --lint finds what is not documented", async (t) => {
  const { dir, remove } = await makeTempDir();
  t.teardown(remove);
  const file = join(dir, "mod.ts");
  await writeFile(file, "export const one: number = 1;\n");
  t.regex((await findingsIn(file)).join(), /missing-jsdoc/);
});
