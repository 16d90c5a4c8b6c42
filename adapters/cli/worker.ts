/** One of the processes that serve together, as it is itself: what it tells the primary, and hears. */
import cluster from "node:cluster";
import { once } from "node:events";
import * as E from "fp-ts/lib/Either.js";
import { pipe } from "fp-ts/lib/function.js";
import type { Task } from "fp-ts/lib/Task.js";
import * as TE from "fp-ts/lib/TaskEither.js";
import type { Failure } from "./failure.ts";
import { serveUntilEnded } from "./serving.ts";
import type { Surroundings } from "./surroundings.ts";
import { FromPrimary, type FromWorker } from "./worker-messages.ts";

/** Serves until this process or the primary is asked to end, or the primary is gone. */
export const serveAsWorker = (surroundings: Surroundings): TE.TaskEither<Failure, void> => {
  const { tell, stopped, figures, answerWith, leave } = makeLink();
  const ended = Promise.race([surroundings.ended(), stopped]);
  return pipe(
    serveUntilEnded(
      { ...surroundings, ended: () => ended },
      { together: { figures } },
      ({ url, metrics }) => {
        answerWith(metrics.figures);
        tell({ _tag: "LISTENING", url });
      },
    ),
    // The primary prints what went wrong: all workers may have met the same.
    TE.orElse((failure) => async () => {
      await tell({ _tag: "FAILED", failure });
      return E.left<Failure, void>({ ...failure, lines: [] });
    }),
    (serving) => async () => {
      const outcome = await serving();
      leave();
      return outcome;
    },
  );
};

/** The way to the primary process. */
interface Link {
  /** Resolves once the message is on its way, or the primary is gone. */
  readonly tell: (message: FromWorker) => Promise<void>;
  /** Resolves when this worker is to stop, to who wants it. */
  readonly stopped: Promise<string>;
  /** The figures of all workers; while the primary is silent, so is this. */
  readonly figures: Task<string>;
  /** From now on the primary is told these when it asks. */
  readonly answerWith: (figures: Task<unknown>) => void;
  readonly leave: () => void;
}

const makeLink = (): Link => {
  const asked = new Map<number, (text: string) => void>();
  let own: Task<unknown> = async () => undefined;
  let asks = 0;

  const tell = (message: FromWorker): Promise<void> =>
    new Promise((resolve) => {
      if (process.connected && process.send !== undefined) {
        process.send(message, undefined, {}, () => resolve());
      } else {
        resolve();
      }
    });

  const stopped = new Promise<string>((stop) => {
    process.on("message", async (message) => {
      const heard = FromPrimary.decode(message);
      if (E.isLeft(heard)) {
        return;
      }
      switch (heard.right._tag) {
        case "STOP":
          stop("the primary process stops");
          break;
        case "ASK_FIGURES":
          await tell({ _tag: "FIGURES", id: heard.right.id, figures: await own() });
          break;
        case "FIGURES_OF_ALL":
          asked.get(heard.right.id)?.(heard.right.text);
          asked.delete(heard.right.id);
      }
    });
    once(process, "disconnect").then(() => stop("the primary process is gone"));
  });
  // A primary that was killed: what was told to it came too late, and its end is heard of besides.
  process.on("error", () => {});
  if (cluster.worker !== undefined) {
    // Else node:cluster ends this process at once when the primary is gone, whatever is in flight.
    cluster.worker.exitedAfterDisconnect = true;
  }
  tell({ _tag: "HEARING" });

  return {
    tell,
    stopped,
    figures: () =>
      new Promise((resolve) => {
        asks += 1;
        asked.set(asks, resolve);
        tell({ _tag: "ASK_FIGURES", id: asks });
      }),
    answerWith: (figures) => {
      own = figures;
    },
    leave: () => {
      if (process.connected) {
        process.disconnect();
      }
    },
  };
};
