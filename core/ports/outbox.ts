import type { Option } from "fp-ts/lib/Option.js";
import type { TaskEither } from "fp-ts/lib/TaskEither.js";
import type { ConversationKey, ConversationType } from "../domain/conversation.ts";
import type { Claim, DeadLetter, OutboxStatus, Outcome } from "../domain/delivery.ts";
import type { ClaimLost, StoreUnavailable } from "../domain/errors.ts";
import type { OutboundMessage } from "../domain/message.ts";

/** What an outbox answers: a value, or why there is none. */
export type Stored<A, Fault = never> = TaskEither<StoreUnavailable | Fault, A>;

/**
 * Keeps notices until the gateway has taken them: at least once, in order per conversation, none
 * dropped for its age or its many attempts. Times are in milliseconds since the epoch.
 */
export interface Outbox {
  /** Appends to the conversation's queue; acknowledged once that outlives the process. */
  readonly add: (conversation: ConversationKey, notice: OutboundMessage) => Stored<void>;
  /**
   * Leases the oldest notice of a conversation of this type that nobody holds and that is due at
   * `now`, the conversation first that has been due longest, until `until`. What lies behind it
   * waits until it is settled. `none`: nothing is due.
   */
  readonly claim: (type: ConversationType, now: number, until: number) => Stored<Option<Claim>>;
  /**
   * Ends a claim: a delivered notice is gone, a postponed one due again at that time, a dead one
   * kept aside with its reason. The conversation's next is due at once, behind those due before.
   * `CLAIM_LOST`: it was settled, or claimed anew with a newer token; nothing was changed.
   */
  readonly settle: (claim: Claim, outcome: Outcome) => Stored<void, ClaimLost>;
  /** Lists what is kept aside, the longest dead first. */
  readonly deadLetters: () => Stored<ReadonlyArray<DeadLetter>>;
  /** Counts what there is. */
  readonly status: (now: number) => Stored<OutboxStatus>;
  /** Makes every postponed notice due at `now`, and answers how many. */
  readonly retry: (now: number) => Stored<number>;
  /** Appends every dead letter to its conversation's queue again, its age and attempts kept, and answers how many. */
  readonly revive: () => Stored<number>;
  /** Has `listener` called after each notice that this process stores: a hint to claim. */
  readonly subscribe: (listener: () => void) => Stored<() => void>;
}
