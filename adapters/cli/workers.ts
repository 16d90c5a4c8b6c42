/**
 * Several processes that serve together. The primary serves nothing itself: it looks at the
 * configuration, starts the workers and others in the place of those that end, counts what they
 * limit together, sums up what they have counted, and ends when they have ended.
 */
import cluster from "node:cluster";
import { pipe } from "fp-ts/lib/function.js";
import * as TE from "fp-ts/lib/TaskEither.js";
import { tokens } from "../inversify/mod.ts";
import { withApplication } from "./application.ts";
import { runCrew } from "./crew.ts";
import { type Failure, misused } from "./failure.ts";
import { logListening } from "./serving.ts";
import { shareOf } from "./shares.ts";
import type { Surroundings } from "./surroundings.ts";
import { serveAsWorker } from "./worker.ts";
import { startWorker, type WorkerProcess } from "./worker-process.ts";

/** Serves with so many workers, as their primary process or as one of them. */
export const serveTogether = (
  surroundings: Surroundings,
  workers: number,
): TE.TaskEither<Failure, void> => {
  // Bun's workers do not share a port that the system picked; under Deno nobody tried to kill one.
  if ("bun" in process.versions || "deno" in process.versions) {
    return TE.left(misused("--workers: several processes serve together under Node alone"));
  }
  return cluster.isPrimary ? serveAsPrimary(surroundings, workers) : serveAsWorker(surroundings);
};

const serveAsPrimary = (
  surroundings: Surroundings,
  workers: number,
): TE.TaskEither<Failure, void> =>
  withApplication(surroundings, { serving: true, workers })(({ part }) =>
    pipe(
      TE.Do,
      TE.bind("config", () => part(tokens.CONFIG)),
      TE.bind("log", () => part(tokens.LOGGER)),
      TE.bind("sessionRisks", () => part(tokens.SESSION_RISKS)),
      TE.bind("tally", () => part(tokens.TALLY)),
      TE.bind("countForWorkers", () => part(tokens.COUNT_FOR_WORKERS)),
      // Makes the development secret, if there is none, before several want to.
      TE.chainFirst(() => part(tokens.TOKEN_OPTIONS)),
      TE.chain(({ config, log, sessionRisks, tally, countForWorkers }) => {
        const running = new Set<WorkerProcess>();
        const figuresOfAll = async (): Promise<string> => {
          const hear = async ({ id, figures }: WorkerProcess): Promise<void> =>
            tally.hear(id, await figures());
          await Promise.all([...running].map(hear));
          return tally.read();
        };
        countForWorkers();
        return runCrew({
          seats: workers,
          log,
          ended: surroundings.ended,
          start: (seat) => {
            const worker = startWorker(shareOf(config, workers, seat), figuresOfAll);
            running.add(worker);
            worker.ended.then(() => {
              running.delete(worker);
              tally.forget(worker.id);
            });
            return worker;
          },
          onListening: (url) => {
            logListening(log, { url, config, sessionRisks }, { workers });
            if (config.console) {
              log.warn("there is no console: it would show what one worker took, and not the rest");
            }
          },
        });
      }),
    ),
  );
