/** What the adapters tell of, as log lines and metrics. */
import * as E from "fp-ts/lib/Either.js";
import { pipe } from "fp-ts/lib/function.js";
import * as O from "fp-ts/lib/Option.js";
import * as TE from "fp-ts/lib/TaskEither.js";
import type { ClaimLost, Delivery, IdCodec, StoreUnavailable, WireId } from "../../core/mod.ts";
import { type ReleasesRead, renderReleaseFaults } from "../file/mod.ts";
import type { Answered } from "../hapi/mod.ts";
import type { Logger } from "../logging/mod.ts";
import type { Metrics } from "../metrics/mod.ts";
import type { SharedCountFault } from "../rate-limit/mod.ts";
import type { RongCloudAttempt } from "../rongcloud/mod.ts";

/** One line a request, with its user as the wire spells them; what failed on our side is an error, with its cause. */
export const onAnswered =
  (log: Logger, metrics: Metrics, ids: IdCodec) =>
  ({ requestId, method, route, answer: { status, error, user }, durationMs }: Answered): void => {
    metrics.answered({ route, method, status, durationMs, error: error?._tag });
    const level = status >= 500 ? "error" : "info";
    if (!log.isLevelEnabled(level)) {
      return;
    }
    const line = {
      requestId,
      method,
      route,
      status,
      durationMs,
      ...(error === undefined ? {} : { error }),
    };
    const write = (of: { readonly user?: WireId }): void =>
      log[level]({ ...line, ...of }, level === "error" ? "request failed" : "request");
    if (user === undefined) {
      write({});
    } else {
      pipe(
        ids.encode(user),
        TE.match(
          () => write({}),
          (spelled) => write({ user: spelled }),
        ),
      )();
    }
  };

/** A line for each notice that was not delivered: an error if somebody has to act. */
export const onDelivery =
  (log: Logger, metrics: Metrics) =>
  ({ claim: { conversation, attempts, storedAt }, outcome, error }: Delivery): void => {
    metrics.delivered(outcome._tag);
    if (O.isNone(error)) {
      return;
    }
    const line = { conversation, attempts, storedAt, outcome, error: error.value };
    if (outcome._tag === "DEAD") {
      log.error(line, "notice dead: it can never be taken");
    } else if (error.value._tag === "GATEWAY_REJECTED") {
      log.error(line, "notice postponed: RongCloud takes nothing until the operator has acted");
    } else {
      log.warn(line, "notice postponed");
    }
  };

// The relay asks for each type of conversation, and again after half a second.
const SAME_FAULT_MS = 10_000;

/**
 * A line for each fault of the store, or of the time, that kept the relay from its work; while the
 * store has the same fault, one in ten seconds.
 */
export const onRelayFault = (
  log: Logger,
  now: () => number = () => performance.now(),
): ((fault: StoreUnavailable | ClaimLost) => void) => {
  let told: string | undefined;
  let quietUntil = 0;
  return (fault) => {
    if (fault._tag === "CLAIM_LOST") {
      log.warn("a claim ran out before it was settled: whoever claims it next delivers the notice");
    } else if (fault.cause !== told || now() >= quietUntil) {
      told = fault.cause;
      quietUntil = now() + SAME_FAULT_MS;
      log.error({ cause: fault.cause }, "outbox not at hand");
    }
  };
};

/** Logs, at most once a minute, that Redis does not count requests for all processes. */
export const onRateLimitFault =
  (log: Logger) =>
  (fault: SharedCountFault): void =>
    log.error(fault, "rate limit not at hand: each process counts for itself");

/** A line for each change of the release files. */
export const onReload =
  (log: Logger) =>
  (outcome: ReleasesRead): void => {
    if (E.isLeft(outcome)) {
      log.error(
        { faults: renderReleaseFaults(outcome.left) },
        "release files broken: the last good ones stay",
      );
    } else {
      log.info({ desktop: outcome.right.desktop.version }, "release files reloaded");
    }
  };

/** A line for each attempt to hand a message to RongCloud. */
export const onAttempt =
  (log: Logger, metrics: Metrics) =>
  (attempt: RongCloudAttempt): void => {
    const { host, verdict, durationMs } = attempt;
    metrics.attempted({ host, outcome: verdict._tag, durationMs });
    log.debug(attempt, "RongCloud attempt");
  };
