import * as E from "fp-ts/lib/Either.js";
import type { Task } from "fp-ts/lib/Task.js";
import * as t from "io-ts";
import { AggregatorRegistry } from "prom-client";

/** What one process has counted, as it can be sent to another. */
export type Figures = ReadonlyArray<object>;

/** What several processes have counted, as one. */
export interface Tally {
  /** Takes a worker's figures in the place of those it told before, unless they are none. */
  readonly hear: (worker: number, figures: unknown) => void;
  /** A worker has ended: what it had counted stays counted, what it measured is over. */
  readonly forget: (worker: number) => void;
  /** The figures of all, in Prometheus' text format. */
  readonly read: Task<string>;
}

// On its way between processes what is no number becomes null.
const Value = t.intersection([
  t.type({ labels: t.UnknownRecord, value: t.union([t.number, t.null]) }),
  t.partial({ metricName: t.string }),
]);
const Metric = t.type({
  name: t.string,
  help: t.string,
  type: t.string,
  aggregator: t.keyof({
    sum: null,
    first: null,
    omit: null,
    average: null,
    min: null,
    max: null,
  }),
  values: t.array(Value),
});
const Metrics = t.array(Metric);

type Metric = t.TypeOf<typeof Metric>;
type Aggregator = Metric["aggregator"];

/** Where the sum of all workers, or what prom-client has instead, tells an operator nothing. */
const AGGREGATORS: ReadonlyMap<string, Aggregator> = new Map<string, Aggregator>([
  // The one that lags most is the one that somebody waits for.
  ...["", "_stddev", "_p50", "_p90", "_p99"].map(
    (which) => [`nodejs_eventloop_lag${which}_seconds`, "max"] as const,
  ),
  ["process_start_time_seconds", "min"],
]);

/**
 * Starts a tally. A sum of counters never goes back, as Prometheus wants it: of a worker that did
 * not answer the last figures count, and so they do of one that has ended.
 */
export const makeTally = (): Tally => {
  const latest = new Map<number, ReadonlyArray<Metric>>();
  let past: ReadonlyArray<Metric> = [];
  return {
    hear: (worker, figures) => {
      const read = Metrics.decode(figures);
      if (E.isRight(read)) {
        latest.set(worker, read.right.map(asWanted));
      }
    },
    forget: (worker) => {
      const counted = (latest.get(worker) ?? []).filter(({ type }) => type !== "gauge");
      latest.delete(worker);
      const sum = Metrics.decode(sumOf([past, counted]).getMetricsAsArray());
      past = E.isRight(sum) ? sum.right : past;
    },
    read: () => sumOf([past, ...latest.values()]).metrics(),
  };
};

const asWanted = ({ values, ...metric }: Metric): Metric => ({
  ...metric,
  aggregator: AGGREGATORS.get(metric.name) ?? metric.aggregator,
  values: values.filter(({ value }) => value !== null),
});

const sumOf = (all: ReadonlyArray<ReadonlyArray<Metric>>) => AggregatorRegistry.aggregate([...all]);
