/**
 * Metrics for Prometheus, on prom-client.
 *
 * @module
 */
import * as E from "fp-ts/lib/Either.js";
import * as O from "fp-ts/lib/Option.js";
import type { Task } from "fp-ts/lib/Task.js";
import type { TaskEither } from "fp-ts/lib/TaskEither.js";
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import { type Outbox, type StoreUnavailable, storeUnavailable } from "../../core/mod.ts";

/** What is measured when it is asked for. */
export interface MetricsOptions {
  readonly outbox: Pick<Outbox, "status">;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
}

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
    /** The tag of the error that was answered, if one was. */
    readonly error: string | undefined;
  }) => void;
  /** `outcome`: DELIVERED, POSTPONED or DEAD. */
  readonly delivered: (outcome: string) => void;
  /** A request to RongCloud: `outcome` is what it says of the message. */
  readonly attempted: (attempt: {
    readonly host: string;
    readonly outcome: string;
    readonly durationMs: number;
  }) => void;
  /** The same call to the store, timed. */
  readonly stored: (
    operation: string,
  ) => <Fault, A>(call: TaskEither<Fault, A>) => TaskEither<Fault, A>;
}

/** The methods that are counted by name: a client may make up others, and each would be a series. */
const METHODS: ReadonlySet<string> = new Set(["GET", "HEAD", "POST", "OPTIONS"]);

const BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];

// A store that does not answer is not to keep the other figures back.
const LONGEST_WAIT_MS = 2_000;

const silence = (ms: number): Promise<E.Either<StoreUnavailable, never>> =>
  new Promise((resolve) => {
    setTimeout(() => resolve(E.left(storeUnavailable("silent"))), ms).unref();
  });

/** Starts to count. While the outbox's store is away, there are no figures of the outbox. */
export const makeMetrics = ({ outbox, now = Date.now }: MetricsOptions): Metrics => {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const requests = new Histogram({
    name: "sealtalk_misc_http_request_duration_seconds",
    help: "Time to answer a request, by route, method and status.",
    labelNames: ["route", "method", "status"],
    buckets: BUCKETS,
    registers: [registry],
  });
  const errors = new Counter({
    name: "sealtalk_misc_errors_total",
    help: "Errors that were answered, by route and tag.",
    labelNames: ["route", "error"],
    registers: [registry],
  });
  const attempts = new Histogram({
    name: "sealtalk_misc_gateway_attempt_duration_seconds",
    help: "Time of an attempt to hand a message to RongCloud, by host and outcome.",
    labelNames: ["host", "outcome"],
    buckets: BUCKETS,
    registers: [registry],
  });
  const storeCalls = new Histogram({
    name: "sealtalk_misc_store_duration_seconds",
    help: "Time of a call to the store, by operation and outcome: ok or fault.",
    labelNames: ["operation", "outcome"],
    buckets: BUCKETS,
    registers: [registry],
  });
  const deliveries = new Counter({
    name: "sealtalk_misc_notice_attempts_total",
    help: "Attempts to deliver a notice, by what became of it.",
    labelNames: ["outcome"],
    registers: [registry],
  });
  const notices = new Gauge({
    name: "sealtalk_misc_outbox_notices",
    help: "Notices in the outbox: pending (in flight or not), in_flight, dead.",
    labelNames: ["state"],
    registers: [registry],
  });
  const failures = new Gauge({
    name: "sealtalk_misc_outbox_failed_notices",
    help: "Notices that were tried in vain, postponed or dead, by the reason of the last time.",
    labelNames: ["state", "reason"],
    registers: [registry],
  });
  const oldest = new Gauge({
    name: "sealtalk_misc_outbox_oldest_seconds",
    help: "Age of the oldest pending notice; 0: there is none.",
    registers: [registry],
  });

  const readOutbox = async (): Promise<void> => {
    const at = now();
    const status = await Promise.race([outbox.status(at)(), silence(LONGEST_WAIT_MS)]);
    notices.reset();
    failures.reset();
    oldest.remove();
    if (E.isLeft(status)) {
      return;
    }
    const { pending, inFlight, dead, reasons } = status.right;
    notices.set({ state: "pending" }, pending);
    notices.set({ state: "in_flight" }, inFlight);
    notices.set({ state: "dead" }, dead);
    for (const { state, reason, count } of reasons) {
      failures.set({ state, reason }, count);
    }
    oldest.set(Math.max(0, at - O.getOrElse(() => at)(status.right.oldest)) / 1_000);
  };

  return {
    contentType: registry.contentType,
    read: async () => {
      await readOutbox();
      return registry.metrics();
    },
    answered: ({ route, method, status, durationMs, error }) => {
      requests.observe(
        { route, method: METHODS.has(method) ? method : "other", status },
        durationMs / 1_000,
      );
      if (error !== undefined) {
        errors.inc({ route, error });
      }
    },
    delivered: (outcome) => deliveries.inc({ outcome }),
    attempted: ({ host, outcome, durationMs }) =>
      attempts.observe({ host, outcome }, durationMs / 1_000),
    stored: (operation) => {
      const ok = storeCalls.labels({ operation, outcome: "ok" });
      const fault = storeCalls.labels({ operation, outcome: "fault" });
      return (call) => async () => {
        const since = performance.now();
        const answer = await call();
        (E.isLeft(answer) ? fault : ok).observe((performance.now() - since) / 1_000);
        return answer;
      };
    },
  };
};
