import * as E from "fp-ts/lib/Either.js";
import { pipe } from "fp-ts/lib/function.js";
import * as O from "fp-ts/lib/Option.js";
import * as RA from "fp-ts/lib/ReadonlyArray.js";
import * as t from "io-ts";
import {
  type ConversationKey,
  ConversationType,
  DeadLetter,
  OutboundMessage,
} from "../../core/mod.ts";
import type { Attempted, Environment, Table } from "./environment.ts";
import { makeTallies, type Tallies } from "./tallies.ts";

/** A notice that waits, and its place in its queue. */
export interface Entry {
  readonly position: number;
  readonly notice: OutboundMessage;
  readonly attempts: number;
  readonly storedAt: number;
}

const Entry: t.Type<Entry, unknown, unknown> = t.type({
  position: t.number,
  notice: OutboundMessage,
  attempts: t.number,
  storedAt: t.number,
});

/** A conversation that has notices. */
export interface Queue {
  readonly type: ConversationType;
  /** When the head may be claimed: due, or its lease has run out. */
  readonly dueAt: number;
  /** The token of the claim on the head, 0 if there is none. */
  readonly token: number;
  /** Why the head was postponed the last time, if it was. */
  readonly reason?: string;
}

const Queue: t.Type<Queue, unknown, unknown> = t.intersection([
  t.type({
    type: ConversationType,
    dueAt: t.number,
    token: t.number,
  }),
  t.partial({ reason: t.string }),
]);

/** When a conversation's turn comes. */
export interface Due {
  readonly conversation: ConversationKey;
  readonly dueAt: number;
}

const Due: t.Type<Due, unknown, unknown> = t.type({ conversation: t.string, dueAt: t.number });

/** A dead letter, and its place among them. */
interface NumberedDeadLetter {
  readonly number: number;
  readonly letter: DeadLetter;
}

const NumberedDeadLetter: t.Type<NumberedDeadLetter, unknown, unknown> = t.type({
  number: t.number,
  letter: DeadLetter,
});

/** `PENDING`: how many notices there are. `TOKEN`: the last of a claim. `DEATH`: the last number of a dead letter. */
type CounterName = "PENDING" | "TOKEN" | "DEATH";

/** What is stored of the outbox, and the changes that leave it in order. */
export interface Queues {
  readonly queues: Table<Queue>;
  readonly due: Table<Due>;
  readonly deadLetters: Table<NumberedDeadLetter>;
  readonly tallies: Tallies;
  /** A number that writes keep up to date; 0 at first. */
  readonly readCounter: (name: CounterName) => Attempted<number>;
  /** The oldest notices of a conversation. */
  readonly entries: (
    conversation: ConversationKey,
    limit: number,
  ) => Attempted<ReadonlyArray<Entry>>;
  /** When each claimed notice may be claimed by another. */
  readonly leases: () => Attempted<ReadonlyArray<number>>;
  /** When the oldest notice was stored. */
  readonly oldest: () => Attempted<O.Option<number>>;
  /** Only within a write. */
  readonly setCounter: (name: CounterName, value: number) => void;
  /** Only within a write: appends a notice to its conversation's queue. */
  readonly append: (
    conversation: ConversationKey,
    entry: Omit<Entry, "position">,
  ) => Attempted<void>;
  /** Only within a write. */
  readonly replace: (conversation: ConversationKey, entry: Entry) => void;
  /** Only within a write. */
  readonly remove: (conversation: ConversationKey, entry: Entry) => void;
  /** Only within a write: says when the head of a queue may be claimed, and who has claimed it. */
  readonly schedule: (conversation: ConversationKey, before: O.Option<Queue>, next: Queue) => void;
  /** Only within a write: ends a queue that is empty. */
  readonly unschedule: (conversation: ConversationKey, queue: O.Option<Queue>) => void;
}

/**
 * The queues: `notices` under [conversation, position], `queues` with one record for each
 * conversation that has any, and `due`, which lists those by [type, dueAt, conversation]. What is
 * asked about all of them is kept beside: `ages` lists the notices by [storedAt, conversation,
 * position], `leases` what is claimed, `counters` and `tallies` how many there are.
 */
export const makeQueues = (environment: Environment, now: () => number): Queues => {
  const { table } = environment;
  const notices = table("notices", Entry);
  const queues = table("queues", Queue);
  const due = table("due", Due);
  const ages = table("ages", t.number);
  const leases = table("leases", t.number);
  const counters = table("counters", t.number);

  const readCounter = (name: CounterName): Attempted<number> =>
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
      E.apS("pending", readCounter("PENDING")),
      E.map(({ queue, last, pending }) => {
        const position = O.isSome(last) ? last.value.position + 1 : FIRST;
        notices.put([conversation, position], { position, ...entry });
        ages.put([entry.storedAt, conversation, position], entry.storedAt);
        counters.put("PENDING", pending + 1);
        if (O.isNone(queue)) {
          const type = entry.notice.conversationType;
          schedule(conversation, queue, { type, dueAt: now(), token: 0 });
        }
      }),
    );

  return {
    queues,
    due,
    deadLetters: table("dead", NumberedDeadLetter),
    tallies: makeTallies(environment),
    readCounter,
    setCounter: counters.put,
    append,
    entries,
    replace: (conversation, entry) => notices.put([conversation, entry.position], entry),
    remove: (conversation, { position, storedAt }) => {
      notices.remove([conversation, position]);
      ages.remove([storedAt, conversation, position]);
    },
    schedule,
    unschedule,
    leases: () => leases.values({}),
    oldest: () => pipe(ages.values({ limit: 1 }), E.map(RA.head)),
  };
};

const FIRST = 1;
/** Beyond every position and every time. */
export const LAST: number = Number.MAX_SAFE_INTEGER;
