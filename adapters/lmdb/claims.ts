import * as E from "fp-ts/lib/Either.js";
import { pipe } from "fp-ts/lib/function.js";
import * as O from "fp-ts/lib/Option.js";
import * as RA from "fp-ts/lib/ReadonlyArray.js";
import type {
  Claim,
  ClaimLost,
  ConversationKey,
  ConversationType,
  Outcome,
  StoreUnavailable,
} from "../../core/mod.ts";
import type { Attempted } from "./environment.ts";
import type { Due, Entry, Queue, Queues } from "./queues.ts";

/** What deliverers do to the queues; all but `nextDue` only within a write. */
interface Claims {
  /** The conversation of this type that has been due longest. */
  readonly nextDue: (type: ConversationType, at: number) => Attempted<O.Option<Due>>;
  readonly claim: (
    type: ConversationType,
    at: number,
    leaseUntil: number,
  ) => Attempted<O.Option<Claim>>;
  readonly settle: (claim: Claim, outcome: Outcome) => E.Either<StoreUnavailable | ClaimLost, void>;
}

/** Claims on the heads of the queues. */
export const makeClaims = (
  {
    queues,
    due,
    deadLetters,
    tallies,
    readCounter,
    setCounter,
    entries,
    replace,
    remove,
    schedule,
    unschedule,
  }: Queues,
  now: () => number,
): Claims => {
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
      E.apS("lastToken", readCounter("TOKEN")),
      E.map(({ queue, head, lastToken }) => {
        due.remove([type, dueAt, conversation]);
        return pipe(
          head,
          O.map(({ position: _, ...entry }) => {
            const token = lastToken + 1;
            setCounter("TOKEN", token);
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
        E.map((tally) => {
          tally();
          replace(conversation, tried);
          const { until: dueAt, reason } = outcome;
          schedule(conversation, queue, { type, dueAt, token: 0, reason });
        }),
      );
    }
    return pipe(
      E.Do,
      E.apS("tally", recount(reason, undefined)),
      E.apS(
        "keep",
        outcome._tag === "DEAD" ? addDeadLetter(conversation, tried, outcome.reason) : NO_CHANGE,
      ),
      E.apS("pending", readCounter("PENDING")),
      E.map(({ tally, keep, pending }) => {
        tally();
        keep();
        remove(conversation, head);
        setCounter("PENDING", pending - 1);
        if (next === undefined) {
          unschedule(conversation, queue);
        } else {
          schedule(conversation, queue, { type, dueAt: now(), token: 0 });
        }
      }),
    );
  };

  /** A head was postponed for the one reason, and is now for the other. */
  const recount = (before: string | undefined, after: string | undefined): Attempted<() => void> =>
    before === after
      ? NO_CHANGE
      : pipe(
          E.Do,
          E.apS("leave", tallies.change("postponed", before, -1)),
          E.apS("enter", tallies.change("postponed", after, 1)),
          E.map(({ leave, enter }) => () => {
            leave();
            enter();
          }),
        );

  const addDeadLetter = (
    conversation: ConversationKey,
    { notice, attempts, storedAt }: Entry,
    reason: string,
  ): Attempted<() => void> =>
    pipe(
      E.Do,
      E.apS("tally", tallies.change("dead", reason, 1)),
      E.apS("lastNumber", readCounter("DEATH")),
      E.map(({ tally, lastNumber }) => () => {
        const number = lastNumber + 1;
        tally();
        setCounter("DEATH", number);
        const letter = { conversation, notice, reason, attempts, storedAt, diedAt: now() };
        deadLetters.put(number, { number, letter });
      }),
    );

  return { nextDue, claim, settle };
};

/** A claimed conversation: its queue, the notice that is claimed, and the one behind it. */
interface Held {
  readonly conversation: ConversationKey;
  readonly queue: O.Some<Queue>;
  readonly head: Entry;
  readonly next: Entry | undefined;
}

const NO_CHANGE: Attempted<() => void> = E.right(() => {});
