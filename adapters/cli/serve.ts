import { pipe } from "fp-ts/lib/function.js";
import * as TE from "fp-ts/lib/TaskEither.js";
import type { Failure } from "./failure.ts";
import { logListening, serveUntilEnded } from "./serving.ts";
import type { Surroundings } from "./surroundings.ts";

/** How `serve` is to serve. */
export interface ServeOptions {
  /** How many processes are to serve together; 1: this one, and no other. */
  readonly workers: number;
}

/** Serves until the process is asked to end; then what is in flight is finished first. */
export const serve = (
  surroundings: Surroundings,
  { workers }: ServeOptions,
): TE.TaskEither<Failure, void> => {
  // From now on, not from when it listens: who asks early is heeded too.
  const ended = surroundings.ended();
  const within: Surroundings = { ...surroundings, ended: () => ended };
  return workers === 1
    ? serveUntilEnded(within, {}, ({ log, ...listening }) => logListening(log, listening))
    : pipe(
        TE.fromTask(() => import("./workers.ts")),
        TE.chain(({ serveTogether }) => serveTogether(within, workers)),
      );
};
