import * as E from "fp-ts/lib/Either.js";
import type { TaskEither } from "fp-ts/lib/TaskEither.js";
import { type StoreUnavailable, storeUnavailable } from "../../core/mod.ts";

/**
 * Answers for a task that has not answered in time. Each part has a deadline of its own; this one
 * is for their sum, and for a part that does not keep its word. The task itself goes on.
 */
export const withDeadline =
  (ms: number) =>
  <Failure, A>(task: TaskEither<Failure, A>): TaskEither<Failure | StoreUnavailable, A> =>
  () =>
    new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => resolve(E.left(storeUnavailable(`no answer in ${ms} ms`))),
        ms,
      );
      task()
        .then(resolve, reject)
        .finally(() => clearTimeout(timer));
    });
