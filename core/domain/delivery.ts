/**
 * Delivering what waits in the outbox: how long a claim lasts, and what becomes of it.
 *
 * @module
 */
import type { Option } from "fp-ts/lib/Option.js";
import * as t from "io-ts";
import type { ConversationKey } from "./conversation.ts";
import type { GatewayError } from "./errors.ts";
import { OutboundMessage } from "./message.ts";

/** A notice that one deliverer holds, and nobody else until its lease runs out. */
export interface Claim {
  /** The conversation that it holds up until it is settled. */
  readonly conversation: ConversationKey;
  /** The fencing token: each claim of a conversation has a higher one than the claim before. */
  readonly token: number;
  /** What is to be sent. */
  readonly notice: OutboundMessage;
  /** How often this notice was tried before. */
  readonly attempts: number;
  /** When it was stored, in milliseconds since the epoch. */
  readonly storedAt: number;
  /** From then on somebody else may claim it. */
  readonly leaseUntil: number;
}

/** What became of a claimed notice. */
export type Outcome =
  | { readonly _tag: "DELIVERED" }
  | { readonly _tag: "POSTPONED"; readonly until: number; readonly reason: string }
  | { readonly _tag: "DEAD"; readonly reason: string };

/** A notice that nobody tries to deliver any more; times are in milliseconds since the epoch. */
export interface DeadLetter {
  /** The conversation whose queue it left. */
  readonly conversation: ConversationKey;
  /** What was not sent. */
  readonly notice: OutboundMessage;
  /** Why it is given up. */
  readonly reason: string;
  /** How often it was tried. */
  readonly attempts: number;
  /** When it was stored first; a revived one keeps this. */
  readonly storedAt: number;
  /** When it was given up. */
  readonly diedAt: number;
}

/**
 * Reads a {@link DeadLetter}, for stores that keep one.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { DeadLetter } from "sealtalk-misc";
 *
 * assert.equal(DeadLetter.is({ reason: "1005" }), false);
 * ```
 */
export const DeadLetter: t.Type<DeadLetter, unknown, unknown> = t.readonly(
  t.type({
    conversation: t.string,
    notice: OutboundMessage,
    reason: t.string,
    attempts: t.number,
    storedAt: t.number,
    diedAt: t.number,
  }),
  "a dead letter",
);

/** What an outbox holds at one moment. */
export interface OutboxStatus {
  /** Notices that are not delivered yet, those in flight included. */
  readonly pending: number;
  /** When the oldest of them was stored, in milliseconds since the epoch. */
  readonly oldest: Option<number>;
  /** Of the pending: claimed, by somebody whose lease has not run out. */
  readonly inFlight: number;
  /** Dead letters. */
  readonly dead: number;
  /** Notices that were tried in vain, by the reason of the last time; what waits behind one is not counted. */
  readonly reasons: ReadonlyArray<ReasonCount>;
}

/** How many notices share a state and the reason of it. */
export interface ReasonCount {
  /** `postponed`: it is tried again. `dead`: it is not. */
  readonly state: "postponed" | "dead";
  /** Why, in the words of the outcome. */
  readonly reason: string;
  /** How many there are. */
  readonly count: number;
}

/** The longest that a gateway may take to answer, in milliseconds: its port says so. */
const SENDING_MS = 4_000;

/**
 * How long a claim lasts, in milliseconds: above the 4 seconds that a gateway may take and the
 * time to settle, below the 10 seconds within which a dead process's claim is taken over.
 */
export const LEASE_MS = 8_000;

/**
 * Whether a claim still lasts longer than a gateway may take. Who was held up since the claim must
 * not send: by the time that the notice is out, somebody else may have sent it too.
 *
 * `now` is in milliseconds since the epoch.
 */
export const mayStillSend = ({ leaseUntil }: Pick<Claim, "leaseUntil">, now: number): boolean =>
  leaseUntil - now > SENDING_MS;

const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 30_000;
const OPERATOR_PAUSE_MS = 60_000;

/**
 * What to do about a notice that the gateway did not take for the (`attempts` + 1)th time. One
 * that it can never take is a dead letter; one that only the operator can cure is tried once a minute;
 * for the rest the pause doubles from a quarter of a second to half a minute, drawn anew from its
 * whole length (full jitter), and is never shorter than the gateway asked for.
 *
 * `now` is in milliseconds since the epoch, `random` in [0, 1).
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
    : { _tag: "DEAD", reason };
};
