import * as E from "fp-ts/lib/Either.js";
import { pipe } from "fp-ts/lib/function.js";
import * as O from "fp-ts/lib/Option.js";
import * as RA from "fp-ts/lib/ReadonlyArray.js";
import * as TE from "fp-ts/lib/TaskEither.js";
import * as t from "io-ts";
import type { ConversationKey } from "../../core/domain/conversation.ts";
import type { Claim, Outcome } from "../../core/domain/delivery.ts";
import type { ClaimLost, StoreUnavailable } from "../../core/domain/errors.ts";
import { OutboundMessage } from "../../core/domain/message.ts";
import type { Outbox } from "../../core/ports/outbox.ts";
import type { Environment } from "./environment.ts";
import { makeListeners } from "./listeners.ts";

type Attempted<A> = E.Either<StoreUnavailable, A>;

/** Appends to a conversation's queue; only within a write, of which it may be a part. */
export type Enqueue = (conversation: ConversationKey, notice: OutboundMessage) => Attempted<void>;

/** The outbox, and what the settings need of it. */
export interface LmdbOutbox {
  readonly outbox: Outbox;
  readonly enqueue: Enqueue;
  /** Tells the subscribers that something was stored. */
  readonly announce: () => void;
}

const Entry = t.readonly(
  t.type({ position: t.number, notice: OutboundMessage, attempts: t.number }),
);
type Entry = t.TypeOf<typeof Entry>;

/** `dueAt`: when the head may be claimed. `token`: of the claim on it, 0 if there is none. */
const Queue = t.readonly(t.type({ dueAt: t.number, token: t.number }));
type Queue = t.TypeOf<typeof Queue>;

const Due = t.readonly(t.type({ conversation: t.string, dueAt: t.number }));
type Due = t.TypeOf<typeof Due>;

const Buried = t.readonly(
  t.type({ conversation: t.string, notice: OutboundMessage, reason: t.string }),
);

/**
 * Three tables make the queues: `notices` under [conversation, position], `queues` with one record
 * for each conversation that has any, and `due`, which lists those by [dueAt, conversation].
 */
export const makeOutbox = ({ table, read, write }: Environment, now: () => number): LmdbOutbox => {
  const notices = table("notices", Entry);
  const queues = table("queues", Queue);
  const due = table("due", Due);
  const graveyard = table("buried", Buried);
  const counters = table("counters", t.number);
  const { subscribe, announce } = makeListeners();

  const schedule = (conversation: ConversationKey, before: O.Option<Queue>, next: Queue): void => {
    unschedule(conversation, before);
    queues.put(conversation, next);
    due.put([next.dueAt, conversation], { conversation, dueAt: next.dueAt });
  };

  const unschedule = (conversation: ConversationKey, queue: O.Option<Queue>): void => {
    if (O.isSome(queue)) {
      due.remove([queue.value.dueAt, conversation]);
    }
    queues.remove(conversation);
  };

  const entries = (conversation: ConversationKey, limit: number): Attempted<ReadonlyArray<Entry>> =>
    notices.values({ start: [conversation, 0], end: [conversation, LAST], limit });

  const newest = (conversation: ConversationKey): Attempted<O.Option<Entry>> =>
    pipe(
      notices.values({
        start: [conversation, LAST],
        end: [conversation, 0],
        reverse: true,
        limit: 1,
      }),
      E.map(RA.head),
    );

  const enqueue: Enqueue = (conversation, notice) =>
    pipe(
      E.Do,
      E.apS("queue", queues.get(conversation)),
      E.apS("last", newest(conversation)),
      E.map(({ queue, last }) => {
        const position = O.isSome(last) ? last.value.position + 1 : FIRST;
        notices.put([conversation, position], { position, notice, attempts: 0 });
        if (O.isNone(queue)) {
          schedule(conversation, queue, { dueAt: now(), token: 0 });
        }
      }),
    );

  const nextDue = (at: number): Attempted<O.Option<Due>> =>
    pipe(due.values({ start: [0], end: [at + 1], limit: 1 }), E.map(RA.head));

  const claim = (at: number, leaseUntil: number): Attempted<O.Option<Claim>> =>
    pipe(
      nextDue(at),
      E.chain(
        O.match(
          () => E.right(O.none),
          (next) =>
            pipe(
              claimHead(next, leaseUntil),
              // What cannot be read must not keep the other conversations from their turn.
              E.mapLeft((fault) => {
                due.remove([next.dueAt, next.conversation]);
                due.put([leaseUntil, next.conversation], { ...next, dueAt: leaseUntil });
                return fault;
              }),
            ),
        ),
      ),
    );

  const claimHead = (
    { conversation, dueAt }: Due,
    leaseUntil: number,
  ): Attempted<O.Option<Claim>> =>
    pipe(
      E.Do,
      E.apS("queue", queues.get(conversation)),
      E.apS("head", pipe(entries(conversation, 1), E.map(RA.head))),
      E.apS("lastToken", counters.get(TOKEN)),
      E.map(({ queue, head, lastToken }) => {
        due.remove([dueAt, conversation]);
        return pipe(
          head,
          O.map(({ notice, attempts }) => {
            const token = O.getOrElse(() => 0)(lastToken) + 1;
            counters.put(TOKEN, token);
            schedule(conversation, queue, { dueAt: leaseUntil, token });
            return { conversation, token, notice, attempts };
          }),
        );
      }),
    );

  const settle = (
    { conversation, token }: Claim,
    outcome: Outcome,
  ): E.Either<StoreUnavailable | ClaimLost, void> =>
    pipe(
      E.Do,
      E.apS("queue", queues.get(conversation)),
      E.apS("waiting", entries(conversation, 2)),
      E.apS("lastBurial", counters.get(BURIAL)),
      E.chainW(({ queue, waiting: [head, next], lastBurial }) => {
        if (O.isNone(queue) || queue.value.token !== token || head === undefined) {
          return E.left<ClaimLost>({ _tag: "CLAIM_LOST" });
        }
        if (outcome._tag === "POSTPONED") {
          notices.put([conversation, head.position], { ...head, attempts: head.attempts + 1 });
          schedule(conversation, queue, { dueAt: outcome.until, token: 0 });
          return E.right(undefined);
        }
        if (outcome._tag === "BURIED") {
          const burial = O.getOrElse(() => 0)(lastBurial) + 1;
          counters.put(BURIAL, burial);
          graveyard.put(burial, { conversation, notice: head.notice, reason: outcome.reason });
        }
        notices.remove([conversation, head.position]);
        if (next === undefined) {
          unschedule(conversation, queue);
        } else {
          schedule(conversation, queue, { dueAt: now(), token: 0 });
        }
        return E.right(undefined);
      }),
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
      claim: (at, leaseUntil) =>
        pipe(
          read(() => nextDue(at)),
          TE.chain(
            O.match(
              () => TE.right(O.none),
              () => write(() => claim(at, leaseUntil)),
            ),
          ),
        ),
      settle: (claimed, outcome) => write(() => settle(claimed, outcome)),
      buried: () => read(() => graveyard.values({})),
      subscribe,
    },
  };
};

const FIRST = 1;
const LAST = Number.MAX_SAFE_INTEGER;
const TOKEN = "token";
const BURIAL = "burial";
