/**
 * `npm run bench [-- [--document] SECTION…]`: everything but the soak, or these sections. With
 * --document the tables and plots of docs/performance.md are written anew. `profile ROUTE` is a
 * section of its own.
 */
import { withCleanup } from "./cleanup.ts";
import { document } from "./document.ts";
import { startGenerator } from "./generator.ts";
import { makeReport, print } from "./report.ts";
import { signIn } from "./requests.ts";
import type { Section } from "./section.ts";
import { benchConversations } from "./sections/conversations.ts";
import { benchFetch } from "./sections/fetch.ts";
import { benchLatency } from "./sections/latency.ts";
import { benchOutage } from "./sections/outage.ts";
import { benchProfile } from "./sections/profile.ts";
import { benchRongCloud } from "./sections/rongcloud.ts";
import { benchRoutes } from "./sections/routes.ts";
import { benchSoak } from "./sections/soak.ts";
import { benchStartUp } from "./sections/startup.ts";
import { benchUseCases } from "./sections/usecases.ts";
import { machine, method } from "./settings.ts";

/** In the order of docs/performance.md: the latency is at half of what the routes had. */
const SECTIONS: ReadonlyMap<string, Section> = new Map([
  ["routes", benchRoutes],
  ["latency", benchLatency],
  ["fetch", benchFetch],
  ["usecases", benchUseCases],
  ["startup", benchStartUp],
  ["conversations", benchConversations],
  ["rongcloud", benchRongCloud],
  ["outage", benchOutage],
  ["soak", benchSoak],
]);

/** Not unless they are named: they take longer than the rest together, or write files. */
const APART = ["soak"];
const DOCUMENT = "--document";

const namesIn = (args: ReadonlyArray<string>): ReadonlyArray<string> => {
  const names = args.filter((arg) => arg !== DOCUMENT);
  const unknown = names.find((name) => !SECTIONS.has(name));
  if (unknown !== undefined) {
    throw new Error(`no section ${unknown}: there are ${[...SECTIONS.keys()].join(", ")}`);
  }
  return names.length > 0 ? names : [...SECTIONS.keys()].filter((name) => !APART.includes(name));
};

const sectionsIn = (args: ReadonlyArray<string>): ReadonlyArray<readonly [string, Section]> => {
  const [command, route] = args;
  if (command === "profile" && route !== undefined) {
    return [[command, benchProfile(route)]];
  }
  const names = namesIn(args);
  return [...SECTIONS].filter(([name]) => names.includes(name));
};

const args = process.argv.slice(2);
const sections = sectionsIn(args);
print(machine());
print(method());
const headers = await signIn();
const capacities = new Map<string, number>();
const began = performance.now();
for (const [name, section] of sections) {
  print(`\n## ${name}\n`);
  const report = makeReport();
  await withCleanup(async (defer) => {
    const generator = startGenerator(defer, headers);
    await section({ report, generator, headers, defer, capacities });
  });
  if (args.includes(DOCUMENT)) {
    await document(name, report);
  }
}
print(`${((performance.now() - began) / 60_000).toFixed(1)} minutes.`);
