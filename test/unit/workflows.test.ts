import { existsSync, readFileSync } from "node:fs";
import { parse } from "yaml";
import { filesUnder } from "../support/snippets.ts";
import { test } from "../support/test.ts";

const files = filesUnder(".github", ".yml");

test("there are workflows, and forms for issues", (t) => {
  t.true(files.includes(".github/workflows/ci.yml"));
  t.true(files.includes(".github/ISSUE_TEMPLATE/bug.yml"));
});

for (const file of files) {
  test(`${file} is YAML, and calls scripts that are there`, (t) => {
    const text = readFileSync(file, "utf8");
    t.is(typeof parse(text), "object");
    const called = [...text.matchAll(/(?<=\s)\.ci\/[\w.-]+/g)].map(([script]) => script);
    t.true(called.length > 0 || !file.includes("workflows"));
    t.deepEqual(
      called.filter((script) => !existsSync(script)),
      [],
    );
  });
}
