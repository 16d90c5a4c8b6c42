/**
 * `npm run bench -- [--document] [--large] [SECTION…]` runs these sections, or all but soak.
 * `--document` writes the tables into docs/performance.md.
 */
import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { cpus } from "node:os";
import { endAll } from "./processes.ts";
import { growth, usecases } from "./sections/calls.ts";
import { fetchHandler as fetch, routes } from "./sections/routes.ts";
import { startup } from "./sections/startup.ts";
import { latency, soak } from "./sections/steady-load.ts";
import { stores } from "./sections/stores.ts";
import { ROUNDS, SECONDS } from "./wrk.ts";

const PAGE = "docs/performance.md";
const ALL = { routes, stores, latency, fetch, usecases, startup, growth, soak };
/** Each section returns what it has found, in Markdown. */
const SECTIONS = new Map<string, (args: ReadonlyArray<string>) => Promise<string>>(
  Object.entries(ALL),
);

const args = process.argv.slice(2);
const named = args.filter((arg) => !arg.startsWith("--"));
const names = [...SECTIONS.keys()];
const machine = `${cpus()[0]?.model.trim()}, ${cpus().length} cores, Node ${process.versions.node}`;
const conditions = `${machine}, ${ROUNDS} rounds of ${SECONDS} s.`;
for (const name of named.length > 0 ? named : names.filter((one) => one !== "soak")) {
  const section = SECTIONS.get(name);
  assert.ok(section, `There is no section ${name}. Choose from ${names.join(", ")}.`);
  process.stdout.write(`\n## ${name}: ${conditions}\n\n`);
  const text = await section(args).finally(endAll);
  process.stdout.write(`${text}\n`);
  if (args.includes("--document")) {
    const page = await readFile(PAGE, "utf8");
    const between = new RegExp(`(?<=<!-- bench:${name} -->\n).*?(?=\n<!-- /bench -->)`, "s");
    assert.match(page, between, `${PAGE} has no markers for ${name}.`);
    await writeFile(PAGE, page.replace(between, `\n<sub>${conditions}</sub>\n\n${text}\n`));
  }
}
