import * as TE from "fp-ts/lib/TaskEither.js";

/** Runs a task unless there are too many already. */
export type Bulkhead<Refusal> = <Failure, A>(
  task: TE.TaskEither<Failure, A>,
) => TE.TaskEither<Failure | Refusal, A>;

/** Lets `size` tasks run at once, and refuses any other at once: nothing queues. */
export const makeBulkhead = <Refusal>(size: number, refusal: Refusal): Bulkhead<Refusal> => {
  let running = 0;
  return <Failure, A>(task: TE.TaskEither<Failure, A>): TE.TaskEither<Failure | Refusal, A> =>
    async () => {
      if (running >= size) {
        return TE.left(refusal)();
      }
      running += 1;
      try {
        return await task();
      } finally {
        running -= 1;
      }
    };
};
