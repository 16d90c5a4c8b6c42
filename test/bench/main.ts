/**
 * `npm run bench [-- [--document] SECTION…]`: everything but the soak, or these sections. With
 * --document the tables and plots of docs/performance.md are written anew.
 */
import { withCleanup } from "./cleanup.ts";
import { document } from "./document.ts";
import { startGenerator } from "./generator.ts";
import { makeReport, print } from "./report.ts";
import { signIn } from "./requests.ts";
import type { Section } from "./section.ts";
import { benchConversations } from "./sections/conversations.ts";
import { benchFetch } from "./sections/fetch.ts";
import { benchRoutes } from "./sections/routes.ts";
import { benchStartUp } from "./sections/startup.ts";
import { benchUseCases } from "./sections/usecases.ts";
import { machine, method } from "./settings.ts";

const SECTIONS: Readonly<Record<string, Section>> = {
  routes: benchRoutes,
  fetch: benchFetch,
  usecases: benchUseCases,
  startup: benchStartUp,
  conversations: benchConversations,
};

const DOCUMENT = "--document";

const args = process.argv.slice(2);
const named = args.filter((arg) => arg !== DOCUMENT);
const wanted = named.length > 0 ? named : Object.keys(SECTIONS);
const unknown = wanted.find((name) => !(name in SECTIONS));
if (unknown !== undefined) {
  throw new Error(`no section ${unknown}: there are ${Object.keys(SECTIONS).join(", ")}`);
}

print(machine());
print(method());
const headers = await signIn();
const capacities = new Map<string, number>();
const began = performance.now();
for (const name of wanted) {
  print(`\n## ${name}\n`);
  const report = makeReport();
  await withCleanup(async (defer) => {
    const generator = startGenerator(defer, headers);
    await SECTIONS[name]?.({ report, generator, headers, defer, capacities });
  });
  if (args.includes(DOCUMENT)) {
    await document(name, report);
  }
}
print(`${((performance.now() - began) / 60_000).toFixed(1)} minutes.`);
