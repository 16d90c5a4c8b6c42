/** Every route, and the notices of them, at half of capacity for minutes: does memory grow? */
import { setTimeout } from "node:timers/promises";
import type { Generator } from "../generator.ts";
import { drained, metricOf, WAITING } from "../metrics.ts";
import { soakPlot } from "../plots.ts";
import { type Measured, residentOf, startOurs } from "../processes.ts";
import { LOADS } from "../requests.ts";
import type { Section } from "../section.ts";
import { SECONDS, SOAK_MINUTES, WARM_UP_SECONDS } from "../settings.ts";
import { median, slope } from "../statistics.ts";
import { makeSqlite } from "../stores.ts";

const BETWEEN_SAMPLES_MS = 5_000;
const MINUTE_MS = 60_000;

/** Collections of garbage make the figures go up and down by as much. */
const NOT_GROWTH = 1.1;

/** Pages of the store's file are resident too, and are the kernel's to take back. */
const SERIES: ReadonlyArray<readonly [what: string, of: (server: Measured) => Promise<number>]> = [
  [
    "resident memory without pages of files",
    async (server) => {
      const { all, files } = await residentOf(server);
      return all - files;
    },
  ],
  [
    "used heap",
    async (server) => (await metricOf(server, "nodejs_heap_size_used_bytes")) / 2 ** 20,
  ],
];

interface Sample {
  readonly what: string;
  readonly minute: number;
  readonly megabytes: number;
}

export const benchSoak: Section = async ({ report, generator, defer }) => {
  const server = await startOurs(defer, await makeSqlite(defer));
  const rate = Math.round((await capacityOf(generator, server)) / 2);
  const samples: Sample[] = [];
  const began = performance.now();
  let going = true;
  const soaking = generator.steady(server, LOADS, rate, SOAK_MINUTES * 60).finally(() => {
    going = false;
  });
  while (going) {
    const minute = (performance.now() - began) / MINUTE_MS;
    for (const [what, of] of SERIES) {
      samples.push({ what, minute, megabytes: await of(server) });
    }
    await Promise.race([soaking, setTimeout(BETWEEN_SAMPLES_MS)]);
  }
  const { p50, p99, max } = await soaking;
  report.line(
    `Every route in turn on sqlite, ${rate} requests/s for ${SOAK_MINUTES} minutes: p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms, max ${max.toFixed(1)} ms; ${await metricOf(server, WAITING)} notices wait at the end.`,
  );
  report.table(
    ["", "last third, of the first", "first third", "last third", "slope after the first third"],
    SERIES.map(([what]) => rowOf(what, samples)),
  );
  report.plot("soak", soakPlot(samples));
};

/** Requests a second, if the time counts that the notices of a burst take until they are delivered. */
const capacityOf = async (generator: Generator, server: Measured): Promise<number> => {
  const began = performance.now();
  const { perSecond } = await generator.saturate(server, ...LOADS);
  await drained(server);
  return (perSecond * (WARM_UP_SECONDS + SECONDS)) / ((performance.now() - began) / 1_000);
};

const rowOf = (what: string, samples: ReadonlyArray<Sample>): ReadonlyArray<string> => {
  const own = samples.filter((sample) => sample.what === what);
  const third = Math.floor(own.length / 3);
  const level = (part: ReadonlyArray<Sample>): number =>
    median(part.map(({ megabytes }) => megabytes));
  const [first, last] = [level(own.slice(0, third)), level(own.slice(-third))];
  const perMinute = slope(
    own.slice(third).map(({ minute, megabytes }) => [minute, megabytes] as const),
  );
  return [
    what,
    `**${(last / first).toFixed(2)}**: ${last > first * NOT_GROWTH ? "grew" : "did not grow"}`,
    `${first.toFixed(0)} MB`,
    `${last.toFixed(0)} MB`,
    `${perMinute.toFixed(2)} MB a minute`,
  ];
};
