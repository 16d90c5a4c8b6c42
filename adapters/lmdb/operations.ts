import * as E from "fp-ts/lib/Either.js";
import { pipe } from "fp-ts/lib/function.js";
import * as O from "fp-ts/lib/Option.js";
import * as RA from "fp-ts/lib/ReadonlyArray.js";
import type { ConversationType, DeadLetter, OutboxStatus } from "../../core/mod.ts";
import type { Attempted } from "./environment.ts";
import { type Due, LAST, type Queues } from "./queues.ts";

/** What operators do to the queues: some of it at a time, so that nobody waits long for a write. */
interface Operations {
  readonly status: (at: number) => Attempted<OutboxStatus>;
  readonly deadLetters: () => Attempted<ReadonlyArray<DeadLetter>>;
  /** Only within a write: makes some of those due that are postponed beyond `at`, from `from` on. */
  readonly retrySome: (type: ConversationType, at: number, from: Due) => Attempted<Batch<Due>>;
  /** Only within a write: puts some of the dead letters back. */
  readonly reviveSome: (upTo: O.Option<number>) => Attempted<Batch<O.Option<number>>>;
}

/** How many were worked on, and where to go on if there may be more. */
export interface Batch<Cursor> {
  readonly done: number;
  readonly next: O.Option<Cursor>;
}

const BATCH = 50;

/** Looks at the queues as a whole. */
export const makeOperations = ({
  queues,
  due,
  deadLetters,
  tallies,
  readCounter,
  append,
  schedule,
  leases,
  oldest,
}: Queues): Operations => {
  const status = (at: number): Attempted<OutboxStatus> =>
    pipe(
      E.Do,
      E.apS("pending", readCounter("PENDING")),
      E.apS("oldest", oldest()),
      E.apS("leased", leases()),
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

  const retrySome = (type: ConversationType, at: number, from: Due): Attempted<Batch<Due>> =>
    pipe(
      due.values({ start: [type, from.dueAt, from.conversation], end: [type, LAST], limit: BATCH }),
      E.bindTo("found"),
      E.bind("postponed", ({ found }) =>
        pipe(
          found,
          E.traverseArray((turn) =>
            pipe(
              queues.get(turn.conversation),
              E.map(O.filter(({ token }) => token === 0)),
              E.map(O.map((queue) => ({ turn, queue }))),
            ),
          ),
          E.map(RA.compact),
        ),
      ),
      E.map(({ found, postponed }) => {
        for (const { turn, queue } of postponed) {
          // Not where its queue says: what could not be read a moment ago was moved.
          due.remove([type, turn.dueAt, turn.conversation]);
          schedule(turn.conversation, O.some(queue), { ...queue, dueAt: at });
        }
        return { done: postponed.length, next: found.length < BATCH ? O.none : RA.last(found) };
      }),
    );

  const reviveSome = (upTo: O.Option<number>): Attempted<Batch<O.Option<number>>> =>
    pipe(
      E.Do,
      // What becomes a dead letter meanwhile stays one, or there would be no end to it.
      E.apS("last", O.isSome(upTo) ? E.right(upTo.value) : readCounter("DEATH")),
      E.bind("found", ({ last }) => deadLetters.values({ end: last + 1, limit: BATCH })),
      E.chain(({ last, found }) =>
        pipe(
          found,
          E.traverseArray(({ number, letter }) =>
            pipe(
              E.Do,
              E.apS("tally", tallies.change("dead", letter.reason, -1)),
              E.chainFirst(() => {
                const { notice, attempts, storedAt } = letter;
                return append(letter.conversation, { notice, attempts, storedAt });
              }),
              E.map(({ tally }) => {
                tally();
                deadLetters.remove(number);
              }),
            ),
          ),
          E.map(({ length }) => ({
            done: length,
            next: length < BATCH ? O.none : O.some(O.some(last)),
          })),
        ),
      ),
    );

  return {
    status,
    deadLetters: () => pipe(deadLetters.values({}), E.map(RA.map(({ letter }) => letter))),
    retrySome,
    reviveSome,
  };
};
