import type { Option } from "fp-ts/lib/Option.js";
import type { TaskEither } from "fp-ts/lib/TaskEither.js";
import type { ConversationKey } from "../domain/conversation.ts";
import type { Buried, Claim, Outcome } from "../domain/delivery.ts";
import type { ClaimLost, StoreUnavailable } from "../domain/errors.ts";
import type { OutboundMessage } from "../domain/message.ts";

/**
 * Keeps notices until the gateway has taken them: at least once, in order per conversation.
 *
 * - `add` appends to the conversation's queue and is acknowledged once that outlives the process.
 * - `claim` leases the oldest notice of a conversation that nobody holds and that is due at `now`
 *   (milliseconds since the epoch), the conversation that has been due longest first, until
 *   `leaseUntil`. What lies behind it waits until it is settled. `none`: nothing is due.
 * - `settle` ends a claim: a delivered notice is gone, a postponed one is due again at that time,
 *   a buried one is kept aside with its reason. The conversation's next is due at once, behind
 *   those that were due before. `CLAIM_LOST`: the lease ran out and somebody else
 *   has claimed it since (its token is the newer); nothing was changed.
 * - Nothing is dropped for age or for the number of its attempts.
 */
export interface Outbox {
  readonly add: (
    conversation: ConversationKey,
    notice: OutboundMessage,
  ) => TaskEither<StoreUnavailable, void>;

  readonly claim: (now: number, leaseUntil: number) => TaskEither<StoreUnavailable, Option<Claim>>;

  readonly settle: (
    claim: Claim,
    outcome: Outcome,
  ) => TaskEither<StoreUnavailable | ClaimLost, void>;

  /** The notices that were buried, the oldest first. */
  readonly buried: () => TaskEither<StoreUnavailable, ReadonlyArray<Buried>>;

  /** Calls `listener` after each notice that this process stores: a hint to claim, no promise. */
  readonly subscribe: (listener: () => void) => TaskEither<StoreUnavailable, () => void>;
}
