import { pipe } from "fp-ts/lib/function.js";
import * as O from "fp-ts/lib/Option.js";
import * as RA from "fp-ts/lib/ReadonlyArray.js";
import * as TE from "fp-ts/lib/TaskEither.js";
import {
  CONVERSATION_TYPES,
  type ConversationKey,
  type OutboundMessage,
  type Outbox,
  type StoreUnavailable,
} from "../../core/mod.ts";
import { makeClaims } from "./claims.ts";
import type { Attempted, Environment } from "./environment.ts";
import { makeListeners } from "./listeners.ts";
import { type Batch, makeOperations } from "./operations.ts";
import { makeQueues } from "./queues.ts";

/** Appends to a conversation's queue; only within a write, of which it may be a part. */
type Enqueue = (conversation: ConversationKey, notice: OutboundMessage) => Attempted<void>;

/** The outbox, and what the settings need of it. */
export interface LmdbOutbox {
  readonly outbox: Outbox;
  readonly enqueue: Enqueue;
  /** Tells the subscribers that something was stored. */
  readonly announce: () => void;
}

/** The outbox on an environment. */
export const makeOutbox = (environment: Environment, now: () => number): LmdbOutbox => {
  const { read, write } = environment;
  const queues = makeQueues(environment, now);
  const { nextDue, claim, settle } = makeClaims(queues, now);
  const { status, deadLetters, retrySome, reviveSome } = makeOperations(queues);
  const { subscribe, announce } = makeListeners();

  const enqueue: Enqueue = (conversation, notice) =>
    queues.append(conversation, { notice, attempts: 0, storedAt: now() });

  const inBatches = <Cursor>(
    batch: (from: Cursor) => Attempted<Batch<Cursor>>,
    from: Cursor,
  ): TE.TaskEither<StoreUnavailable, number> =>
    pipe(
      write(() => batch(from)),
      TE.chainFirstIOK(() => announce),
      TE.chain(({ done, next }) =>
        pipe(
          next,
          O.match(
            () => TE.right(done),
            (cursor) =>
              pipe(
                inBatches(batch, cursor),
                TE.map((more) => done + more),
              ),
          ),
        ),
      ),
    );

  return {
    enqueue,
    announce,
    outbox: {
      add: (conversation, notice) =>
        pipe(
          write(() => enqueue(conversation, notice)),
          TE.chainFirstIOK(() => announce),
        ),
      // A look before the write: an idle outbox is asked often, and a write is a flush.
      claim: (type, at, leaseUntil) =>
        pipe(
          read(() => nextDue(type, at)),
          TE.chain(
            O.match(
              () => TE.right(O.none),
              () => write(() => claim(type, at, leaseUntil)),
            ),
          ),
        ),
      settle: (claimed, outcome) => write(() => settle(claimed, outcome)),
      deadLetters: () => read(deadLetters),
      status: (at) => read(() => status(at)),
      retry: (at) =>
        pipe(
          CONVERSATION_TYPES,
          TE.traverseSeqArray((type) =>
            inBatches((from) => retrySome(type, at, from), { dueAt: at + 1, conversation: "" }),
          ),
          TE.map(RA.reduce(0, (sum, done) => sum + done)),
        ),
      revive: () => inBatches<O.Option<number>>(reviveSome, O.none),
      subscribe,
    },
  };
};
