import * as E from "fp-ts/lib/Either.js";
import { pipe } from "fp-ts/lib/function.js";
import * as O from "fp-ts/lib/Option.js";
import * as RA from "fp-ts/lib/ReadonlyArray.js";
import * as TE from "fp-ts/lib/TaskEither.js";
import * as t from "io-ts";
import {
  CONVERSATION_TYPES,
  type ConversationKey,
  type ConversationType,
} from "../../core/domain/conversation.ts";
import type { Claim, OutboxStatus, Outcome } from "../../core/domain/delivery.ts";
import type { ClaimLost, StoreUnavailable } from "../../core/domain/errors.ts";
import { OutboundMessage } from "../../core/domain/message.ts";
import type { Outbox } from "../../core/ports/outbox.ts";
import type { Environment } from "./environment.ts";
import { makeListeners } from "./listeners.ts";
import { makeTallies } from "./tallies.ts";

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

const Type = t.union([t.literal("PRIVATE"), t.literal("GROUP")]);

const Entry = t.readonly(
  t.type({ position: t.number, notice: OutboundMessage, attempts: t.number, storedAt: t.number }),
);
type Entry = t.TypeOf<typeof Entry>;

/**
 * `dueAt`: when the head may be claimed. `token`: of the claim on it, 0 if there is none. `reason`:
 * why the head was postponed the last time, if it was.
 */
const Queue = t.readonly(
  t.intersection([
    t.type({ type: Type, dueAt: t.number, token: t.number }),
    t.partial({ reason: t.string }),
  ]),
);
type Queue = t.TypeOf<typeof Queue>;

const Due = t.readonly(t.type({ conversation: t.string, dueAt: t.number }));
type Due = t.TypeOf<typeof Due>;

const DeadLetter = t.readonly(
  t.type({
    conversation: t.string,
    notice: OutboundMessage,
    reason: t.string,
    attempts: t.number,
    storedAt: t.number,
    diedAt: t.number,
  }),
);

/**
 * The queues: `notices` under [conversation, position], `queues` with one record for each
 * conversation that has any, and `due`, which lists those by [type, dueAt, conversation]. What is
 * asked about all of them is kept beside: `ages` lists the notices by [storedAt, conversation,
 * position], `leases` what is claimed, `counters` and `tallies` how many there are.
 */
export const makeOutbox = (environment: Environment, now: () => number): LmdbOutbox => {
  const { table, read, write } = environment;
  const notices = table("notices", Entry);
  const queues = table("queues", Queue);
  const due = table("due", Due);
  const ages = table("ages", t.number);
  const leases = table("leases", t.number);
  const morgue = table("dead", t.readonly(t.type({ number: t.number, letter: DeadLetter })));
  const counters = table("counters", t.number);
  const tallies = makeTallies(environment);
  const { subscribe, announce } = makeListeners();

  const counter = (name: string): Attempted<number> =>
    pipe(counters.get(name), E.map(O.getOrElse(() => 0)));

  const schedule = (conversation: ConversationKey, before: O.Option<Queue>, next: Queue): void => {
    unschedule(conversation, before);
    queues.put(conversation, next);
    due.put([next.type, next.dueAt, conversation], { conversation, dueAt: next.dueAt });
    if (next.token > 0) {
      leases.put(conversation, next.dueAt);
    }
  };

  const unschedule = (conversation: ConversationKey, queue: O.Option<Queue>): void => {
    if (O.isSome(queue)) {
      due.remove([queue.value.type, queue.value.dueAt, conversation]);
    }
    queues.remove(conversation);
    leases.remove(conversation);
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

  const append = (conversation: ConversationKey, entry: Omit<Entry, "position">): Attempted<void> =>
    pipe(
      E.Do,
      E.apS("queue", queues.get(conversation)),
      E.apS("last", newest(conversation)),
      E.apS("pending", counter(PENDING)),
      E.map(({ queue, last, pending }) => {
        const position = O.isSome(last) ? last.value.position + 1 : FIRST;
        notices.put([conversation, position], { position, ...entry });
        ages.put([entry.storedAt, conversation, position], entry.storedAt);
        counters.put(PENDING, pending + 1);
        if (O.isNone(queue)) {
          const type = entry.notice.conversationType;
          schedule(conversation, queue, { type, dueAt: now(), token: 0 });
        }
      }),
    );

  const nextDue = (type: ConversationType, at: number): Attempted<O.Option<Due>> =>
    pipe(due.values({ start: [type, 0], end: [type, at + 1], limit: 1 }), E.map(RA.head));

  const claim = (
    type: ConversationType,
    at: number,
    leaseUntil: number,
  ): Attempted<O.Option<Claim>> =>
    pipe(
      nextDue(type, at),
      E.chain(
        O.match(
          () => E.right(O.none),
          (next) =>
            pipe(
              claimHead(type, next, leaseUntil),
              // What cannot be read must not keep the other conversations from their turn.
              E.mapLeft((fault) => {
                due.remove([type, next.dueAt, next.conversation]);
                due.put([type, leaseUntil, next.conversation], { ...next, dueAt: leaseUntil });
                return fault;
              }),
            ),
        ),
      ),
    );

  const claimHead = (
    type: ConversationType,
    { conversation, dueAt }: Due,
    leaseUntil: number,
  ): Attempted<O.Option<Claim>> =>
    pipe(
      E.Do,
      E.apS("queue", queues.get(conversation)),
      E.apS("head", pipe(entries(conversation, 1), E.map(RA.head))),
      E.apS("lastToken", counter(TOKEN)),
      E.map(({ queue, head, lastToken }) => {
        due.remove([type, dueAt, conversation]);
        return pipe(
          head,
          O.map(({ position: _, ...entry }) => {
            const token = lastToken + 1;
            counters.put(TOKEN, token);
            schedule(conversation, queue, {
              ...O.getOrElse(() => ({ type }))(queue),
              dueAt: leaseUntil,
              token,
            });
            return { conversation, token, leaseUntil, ...entry };
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
      E.chainW(({ queue, waiting: [head, next] }) =>
        O.isNone(queue) || queue.value.token !== token || head === undefined
          ? E.left<StoreUnavailable | ClaimLost, void>({ _tag: "CLAIM_LOST" })
          : settleHead({ conversation, queue, head, next }, outcome),
      ),
    );

  const settleHead = (
    { conversation, queue, head, next }: Held,
    outcome: Outcome,
  ): Attempted<void> => {
    const tried = { ...head, attempts: head.attempts + 1 };
    const { type, reason } = queue.value;
    if (outcome._tag === "POSTPONED") {
      return pipe(
        recount(reason, outcome.reason),
        E.map((write) => {
          write();
          notices.put([conversation, head.position], tried);
          const { until: dueAt, reason } = outcome;
          schedule(conversation, queue, { type, dueAt, token: 0, reason });
        }),
      );
    }
    return pipe(
      E.Do,
      E.apS("write", recount(reason, undefined)),
      E.apS("die", outcome._tag === "DEAD" ? bury(conversation, tried, outcome.reason) : ALIVE),
      E.apS("pending", counter(PENDING)),
      E.map(({ write, die, pending }) => {
        write();
        die();
        remove(conversation, head);
        counters.put(PENDING, pending - 1);
        if (next === undefined) {
          unschedule(conversation, queue);
        } else {
          schedule(conversation, queue, { type, dueAt: now(), token: 0 });
        }
      }),
    );
  };

  const remove = (conversation: ConversationKey, { position, storedAt }: Entry): void => {
    notices.remove([conversation, position]);
    ages.remove([storedAt, conversation, position]);
  };

  /** A head was postponed for the one reason, and is now for the other. */
  const recount = (before: string | undefined, after: string | undefined): Attempted<() => void> =>
    before === after
      ? E.right(() => {})
      : pipe(
          E.Do,
          E.apS("leave", tallies.change("postponed", before, -1)),
          E.apS("enter", tallies.change("postponed", after, 1)),
          E.map(({ leave, enter }) => () => {
            leave();
            enter();
          }),
        );

  const bury = (
    conversation: ConversationKey,
    { notice, attempts, storedAt }: Entry,
    reason: string,
  ): Attempted<() => void> =>
    pipe(
      E.Do,
      E.apS("count", tallies.change("dead", reason, 1)),
      E.apS("lastDeath", counter(DEATH)),
      E.map(({ count, lastDeath }) => () => {
        const number = lastDeath + 1;
        count();
        counters.put(DEATH, number);
        const letter = { conversation, notice, reason, attempts, storedAt, diedAt: now() };
        morgue.put(number, { number, letter });
      }),
    );

  const status = (at: number): Attempted<OutboxStatus> =>
    pipe(
      E.Do,
      E.apS("pending", counter(PENDING)),
      E.apS("oldest", pipe(ages.values({ limit: 1 }), E.map(RA.head))),
      E.apS("leased", leases.values({})),
      E.apS("reasons", tallies.all()),
      E.map(({ leased, reasons, ...counted }) => ({
        ...counted,
        inFlight: leased.filter((until) => until > at).length,
        dead: reasons
          .filter(({ state }) => state === "dead")
          .reduce((sum, { count }) => sum + count, 0),
        reasons,
      })),
    );

  /** Makes some of those due that are postponed beyond `at`, from `from` on; answers where it came to. */
  const retrySome = (type: ConversationType, at: number, from: Due): Attempted<Batch<Due>> =>
    pipe(
      due.values({ start: [type, from.dueAt, from.conversation], end: [type, LAST], limit: BATCH }),
      E.bindTo("found"),
      E.bind("postponed", ({ found }) =>
        pipe(
          found,
          E.traverseArray(({ conversation }) =>
            pipe(
              queues.get(conversation),
              E.map(O.filter(({ token }) => token === 0)),
              E.map(O.map((queue) => ({ conversation, queue }))),
            ),
          ),
          E.map(RA.compact),
        ),
      ),
      E.map(({ found, postponed }) => {
        for (const { conversation, queue } of postponed) {
          schedule(conversation, O.some(queue), { ...queue, dueAt: at });
        }
        return { done: postponed.length, next: found.length < BATCH ? O.none : RA.last(found) };
      }),
    );

  const reviveSome = (): Attempted<Batch<void>> =>
    pipe(
      morgue.values({ limit: BATCH }),
      E.chain((found) =>
        pipe(
          found,
          E.traverseArray(({ number, letter }) =>
            pipe(
              E.Do,
              E.apS("count", tallies.change("dead", letter.reason, -1)),
              E.chainFirst(() => {
                const { notice, attempts, storedAt } = letter;
                return append(letter.conversation, { notice, attempts, storedAt });
              }),
              E.map(({ count }) => {
                count();
                morgue.remove(number);
              }),
            ),
          ),
          E.map(({ length }) => ({
            done: length,
            next: length < BATCH ? O.none : O.some(undefined),
          })),
        ),
      ),
    );

  /** One write a batch, so that nobody waits long for theirs. */
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
    enqueue: (conversation, notice) =>
      append(conversation, { notice, attempts: 0, storedAt: now() }),
    announce,
    outbox: {
      add: (conversation, notice) =>
        pipe(
          write(() => append(conversation, { notice, attempts: 0, storedAt: now() })),
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
      deadLetters: () => read(() => pipe(morgue.values({}), E.map(RA.map(({ letter }) => letter)))),
      status: (at) => read(() => status(at)),
      retry: (at) =>
        pipe(
          CONVERSATION_TYPES,
          TE.traverseSeqArray((type) =>
            inBatches((from) => retrySome(type, at, from), { dueAt: at + 1, conversation: "" }),
          ),
          TE.map(RA.reduce(0, (sum, done) => sum + done)),
        ),
      revive: () => inBatches(reviveSome, undefined),
      subscribe,
    },
  };
};

/** A claimed conversation: its queue, the notice that is claimed, and the one behind it. */
interface Held {
  readonly conversation: ConversationKey;
  readonly queue: O.Some<Queue>;
  readonly head: Entry;
  readonly next: Entry | undefined;
}

/** How many were worked on, and where to go on if there may be more. */
interface Batch<Cursor> {
  readonly done: number;
  readonly next: O.Option<Cursor>;
}

const ALIVE: Attempted<() => void> = E.right(() => {});
const FIRST = 1;
const LAST = Number.MAX_SAFE_INTEGER;
const BATCH = 500;
const PENDING = "pending";
const TOKEN = "token";
const DEATH = "death";
