import * as E from "fp-ts/lib/Either.js";
import { pipe } from "fp-ts/lib/function.js";
import type * as TE from "fp-ts/lib/TaskEither.js";
import { type StoreUnavailable, storeUnavailable } from "../../core/mod.ts";
import { unavailable } from "./reason.ts";

/** The transactions of one environment, one after the other. */
interface Commits {
  /** Runs `action` in the next transaction and answers once that is committed and flushed. */
  readonly write: <A>(action: () => A) => TE.TaskEither<StoreUnavailable, A>;
  /** Waits until nothing is being written. */
  readonly idle: () => Promise<void>;
}

/** What {@link makeCommits} works with. */
interface CommitsOptions {
  /** Looks whether a transaction can be begun. */
  readonly prepare: TE.TaskEither<StoreUnavailable, void>;
  /** Runs `actions` in a transaction, commits and flushes it. */
  readonly commit: (actions: () => void) => TE.TaskEither<StoreUnavailable, void>;
  /** How long an action may take; one that has not begun by then never does. */
  readonly deadlineMs: number;
}

interface Job {
  readonly run: () => void;
  readonly end: (outcome: E.Either<StoreUnavailable, void>) => void;
}

// What so many write fits into the room that a commit finds free.
const MOST_ACTIONS = 100;

/**
 * Gathers what arrives while a transaction is being flushed into the next one. There is never a
 * second one under way: after a failed one, lmdb would never answer what was begun meanwhile.
 */
export const makeCommits = ({ prepare, commit, deadlineMs }: CommitsOptions): Commits => {
  const waiting = new Set<Job>();
  let working: Promise<void> | undefined;

  const take = (): ReadonlyArray<Job> => {
    const jobs = [...waiting].slice(0, MOST_ACTIONS);
    for (const job of jobs) {
      waiting.delete(job);
    }
    return jobs;
  };

  const work = async (): Promise<void> => {
    try {
      while (waiting.size > 0) {
        const prepared = await prepare();
        const jobs = take();
        const outcome = E.isLeft(prepared)
          ? prepared
          : await commit(() => {
              for (const { run } of jobs) {
                run();
              }
            })();
        for (const { end } of jobs) {
          end(outcome);
        }
      }
    } finally {
      // In the same turn as the last look: what is written after that has to be begun.
      working = undefined;
    }
  };

  return {
    write:
      <A>(action: () => A): TE.TaskEither<StoreUnavailable, A> =>
      () =>
        new Promise((resolve) => {
          let result: E.Either<StoreUnavailable, A> = NOT_RUN;
          const job: Job = {
            run: () => {
              result = E.tryCatch(action, unavailable);
            },
            end: (outcome) => {
              clearTimeout(timer);
              resolve(
                pipe(
                  outcome,
                  E.chain(() => result),
                ),
              );
            },
          };
          const timer = setTimeout(() => {
            waiting.delete(job);
            resolve(E.left(storeUnavailable(`no flush in ${deadlineMs} ms`)));
          }, deadlineMs);
          waiting.add(job);
          working ??= work();
        }),
    idle: async () => {
      await working;
    },
  };
};

const NOT_RUN = E.left(storeUnavailable("the transaction was not run"));
