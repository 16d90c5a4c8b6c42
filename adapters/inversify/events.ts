/** What the adapters tell of, as log lines and metrics. */
import * as E from "fp-ts/lib/Either.js";
import type { Delivery, StoreUnavailable } from "../../core/mod.ts";
import { type ReleasesRead, renderReleaseFaults } from "../file/mod.ts";
import type { Answered } from "../hapi/mod.ts";
import type { Logger } from "../logging/mod.ts";
import type { Metrics } from "../metrics/mod.ts";
import type { RongCloudAttempt } from "../rongcloud/mod.ts";

/** One line a request; what failed on our side is an error, with its cause. */
export const onAnswered =
  (log: Logger, metrics: Metrics) =>
  ({ requestId, method, route, answer: { status, error }, durationMs }: Answered): void => {
    metrics.answered({ route, method, status, durationMs });
    const line = {
      requestId,
      method,
      route,
      status,
      durationMs,
      ...(error === undefined ? {} : { error }),
    };
    if (status >= 500) {
      log.error(line, "request failed");
    } else {
      log.info(line, "request");
    }
  };

/** A warning for each notice that was not delivered. */
export const onDelivery =
  (log: Logger, metrics: Metrics) =>
  ({ claim: { conversation, attempts }, outcome }: Delivery): void => {
    metrics.delivered(outcome._tag);
    if (outcome._tag !== "DELIVERED") {
      log.warn({ conversation, attempts, outcome }, "notice not delivered");
    }
  };

/** An error for each look into the outbox that failed. */
export const onRelayFault =
  (log: Logger) =>
  ({ cause }: StoreUnavailable): void =>
    log.error({ cause }, "outbox not readable");

/** A line for each change of the release files. */
export const onReload =
  (log: Logger) =>
  (outcome: ReleasesRead): void => {
    if (E.isLeft(outcome)) {
      log.error(
        { faults: renderReleaseFaults(outcome.left).split("\n") },
        "release files broken: the last good ones stay",
      );
    } else {
      log.info({ desktop: outcome.right.desktop.version }, "release files reloaded");
    }
  };

/** A line for each attempt to hand a message to RongCloud. */
export const onAttempt =
  (log: Logger) =>
  (attempt: RongCloudAttempt): void =>
    log.debug(attempt, "RongCloud attempt");
