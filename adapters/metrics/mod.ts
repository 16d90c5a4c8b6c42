/**
 * Metrics for Prometheus, on prom-client.
 *
 * @module
 */
import type { Task } from "fp-ts/lib/Task.js";
import { Counter, collectDefaultMetrics, Histogram, Registry } from "prom-client";

/** The metrics of one process. */
export interface Metrics {
  readonly contentType: string;
  /** All of them, in Prometheus' text format. */
  readonly read: Task<string>;
  readonly answered: (answered: {
    readonly route: string;
    readonly method: string;
    readonly status: number;
    readonly durationMs: number;
  }) => void;
  /** `outcome`: DELIVERED, POSTPONED or BURIED. */
  readonly delivered: (outcome: string) => void;
}

/** The methods that are counted by name: a client may make up others, and each would be a series. */
const METHODS: ReadonlySet<string> = new Set(["GET", "HEAD", "POST", "OPTIONS"]);

const BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];

/** Starts to count. */
export const makeMetrics = (): Metrics => {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const requests = new Histogram({
    name: "sealtalk_misc_http_request_duration_seconds",
    help: "Time to answer a request, by route, method and status.",
    labelNames: ["route", "method", "status"],
    buckets: BUCKETS,
    registers: [registry],
  });
  const deliveries = new Counter({
    name: "sealtalk_misc_notice_attempts_total",
    help: "Attempts to deliver a notice, by what became of it.",
    labelNames: ["outcome"],
    registers: [registry],
  });
  return {
    contentType: registry.contentType,
    read: () => registry.metrics(),
    answered: ({ route, method, status, durationMs }) =>
      requests.observe(
        { route, method: METHODS.has(method) ? method : "other", status },
        durationMs / 1_000,
      ),
    delivered: (outcome) => deliveries.inc({ outcome }),
  };
};
