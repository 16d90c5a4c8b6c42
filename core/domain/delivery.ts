/**
 * Delivering what waits in the outbox: how long a claim lasts, and what becomes of it.
 *
 * @module
 */
import type { ConversationKey } from "./conversation.ts";
import type { GatewayRejected, GatewayUnavailable } from "./errors.ts";
import type { OutboundMessage } from "./message.ts";

/** A notice that one deliverer holds, and nobody else until its lease runs out. */
export interface Claim {
  readonly conversation: ConversationKey;
  /** The fencing token: each claim of a conversation has a higher one than the claim before. */
  readonly token: number;
  readonly notice: OutboundMessage;
  /** How often this notice was postponed before. */
  readonly attempts: number;
}

/** What became of a claimed notice. */
export type Outcome =
  | { readonly _tag: "DELIVERED" }
  | { readonly _tag: "POSTPONED"; readonly until: number; readonly reason: string }
  | { readonly _tag: "BURIED"; readonly reason: string };

/** A notice that nobody tries to deliver any more. */
export interface Buried {
  readonly conversation: ConversationKey;
  readonly notice: OutboundMessage;
  readonly reason: string;
}

/**
 * How long a claim lasts, in milliseconds: above the 4 seconds that a gateway may take and the
 * time to settle, below the 10 seconds within which a dead process's claim is taken over.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { LEASE_MS } from "sealtalk-misc";
 *
 * assert.ok(LEASE_MS > 4_000 && LEASE_MS < 10_000);
 * ```
 */
export const LEASE_MS = 8_000;

const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 30_000;
const OPERATOR_PAUSE_MS = 60_000;

/** What a gateway answers instead of taking a message. */
export type GatewayError = GatewayRejected | GatewayUnavailable;

/**
 * What to do about a notice that the gateway did not take for the (`attempts` + 1)th time. One
 * that it can never take is buried; one that only the operator can cure is tried once a minute;
 * for the rest the pause doubles from a quarter of a second to half a minute, drawn anew from its
 * whole length (full jitter), and is never shorter than the gateway asked for.
 *
 * `now` is in milliseconds since the epoch, `random` in [0, 1).
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { afterFailure } from "sealtalk-misc";
 *
 * const away = { _tag: "GATEWAY_UNAVAILABLE", delivery: "unknown", cause: "timeout" } as const;
 * assert.deepEqual(afterFailure(away, { attempts: 2, now: 5_000, random: 0.5 }), {
 *   _tag: "POSTPONED",
 *   until: 5_500,
 *   reason: "GATEWAY_UNAVAILABLE",
 * });
 * ```
 */
export const afterFailure = (
  error: GatewayError,
  {
    attempts,
    now,
    random,
  }: { readonly attempts: number; readonly now: number; readonly random: number },
): Outcome => {
  if (error._tag === "GATEWAY_UNAVAILABLE") {
    const ceiling = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** attempts);
    const pause = Math.max(random * ceiling, (error.retryAfter ?? 0) * 1_000);
    return { _tag: "POSTPONED", until: now + Math.ceil(pause), reason: error._tag };
  }
  const reason = `${error._tag} ${error.gatewayCode}`;
  return error.cure === "operator"
    ? { _tag: "POSTPONED", until: now + OPERATOR_PAUSE_MS, reason }
    : { _tag: "BURIED", reason };
};
