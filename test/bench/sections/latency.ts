/** How long an answer takes at half of what ours can do, beside bare hapi at the same rate. */
import { startBare } from "../answers.ts";
import type { Loaded } from "../generator.ts";
import { drained } from "../metrics.ts";
import { latencyPlot } from "../plots.ts";
import { type Measured, startOurs } from "../processes.ts";
import { LOADS } from "../requests.ts";
import type { Section } from "../section.ts";
import { SECONDS } from "../settings.ts";
import { makeSqlite } from "../stores.ts";

/** Long enough for the slowest of a thousand to be more than one. */
const LATENCY_SECONDS = 3 * SECONDS;

const PERCENTILES = ["p50", "p99", "p999", "max"] as const;
const NAMES = { p50: "p50", p99: "p99", p999: "p99.9", max: "max" };

export const benchLatency: Section = async ({ report, generator, headers, defer, capacities }) => {
  const ours = await startOurs(defer, await makeSqlite(defer));
  const hapi = await startBare(defer, "bare-hapi", ours, LOADS, headers);
  const found: Array<{ name: string; rate: number; ours: Loaded; hapi: Loaded }> = [];
  for (const load of LOADS) {
    const capacity = capacities.get(load.name) ?? (await generator.saturate(ours, load)).perSecond;
    const rate = Math.round(capacity / 2);
    await drained(ours);
    const run = async (server: Measured): Promise<Loaded> => {
      await generator.steady(server, [load], rate, 1);
      return generator.steady(server, [load], rate, LATENCY_SECONDS);
    };
    found.push({ name: load.name, rate, ours: await run(ours), hapi: await run(hapi) });
  }
  report.line(
    `On sqlite, evenly at half of the requests/s that ours had, for ${LATENCY_SECONDS} s; from when each request was due; ours beside bare Hapi, in ms.`,
  );
  report.table(
    ["route", "p99, of bare Hapi's", "requests/s", ...PERCENTILES.map((name) => NAMES[name])],
    found.map(({ name, rate, ours, hapi }) => [
      name,
      `**${(ours.p99 / hapi.p99).toFixed(1)}**`,
      String(rate),
      ...PERCENTILES.map((one) => `${ours[one].toFixed(1)} beside ${hapi[one].toFixed(1)}`),
    ]),
  );
  report.plot(
    "latency",
    latencyPlot(
      found.flatMap(({ name, ours, hapi }) =>
        PERCENTILES.flatMap((one) => [
          { name, server: "sealtalk-misc on sqlite", percentile: NAMES[one], ms: ours[one] },
          { name, server: "bare Hapi", percentile: NAMES[one], ms: hapi[one] },
        ]),
      ),
    ),
  );
};
