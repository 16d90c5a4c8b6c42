/** Every route at half of capacity for minutes: does memory grow? */
import { setTimeout } from "node:timers/promises";
import { metricOf } from "../metrics.ts";
import { soakPlot } from "../plots.ts";
import { startOurs } from "../processes.ts";
import { LOADS } from "../requests.ts";
import type { Section } from "../section.ts";
import { SOAK_MINUTES } from "../settings.ts";
import { median, slope } from "../statistics.ts";
import { makeLmdb } from "../stores.ts";

const BETWEEN_SAMPLES_MS = 5_000;
const MINUTE_MS = 60_000;

/** Collections of garbage make the figures go up and down by as much. */
const NOT_GROWTH = 1.1;

const SERIES = [
  ["resident memory", "process_resident_memory_bytes"],
  ["used heap", "nodejs_heap_size_used_bytes"],
] as const;

interface Sample {
  readonly what: string;
  readonly minute: number;
  readonly megabytes: number;
}

export const benchSoak: Section = async ({ report, generator, defer }) => {
  const server = await startOurs(defer, await makeLmdb(defer));
  const { perSecond } = await generator.saturate(server, ...LOADS);
  const rate = Math.round(perSecond / 2);
  const samples: Sample[] = [];
  const began = performance.now();
  let going = true;
  const soaking = generator.steady(server, LOADS, rate, SOAK_MINUTES * 60).finally(() => {
    going = false;
  });
  while (going) {
    const minute = (performance.now() - began) / MINUTE_MS;
    for (const [what, series] of SERIES) {
      samples.push({ what, minute, megabytes: (await metricOf(server, series)) / 2 ** 20 });
    }
    await Promise.race([soaking, setTimeout(BETWEEN_SAMPLES_MS)]);
  }
  const { p50, p99, max } = await soaking;
  report.line(
    `Every route in turn on lmdb, ${rate} requests/s for ${SOAK_MINUTES} minutes: p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms, max ${max.toFixed(1)} ms.`,
  );
  report.table(
    ["", "last third, of the first", "first third", "last third", "slope after the first third"],
    SERIES.map(([what]) => rowOf(what, samples)),
  );
  report.plot("soak", soakPlot(samples));
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
