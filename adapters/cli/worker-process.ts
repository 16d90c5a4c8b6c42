/** One of the processes that serve together, as the primary sees it. */
import cluster, { type Worker } from "node:cluster";
import { once } from "node:events";
import { setTimeout } from "node:timers/promises";
import * as E from "fp-ts/lib/Either.js";
import type { Task } from "fp-ts/lib/Task.js";
import type { Failure } from "./failure.ts";
import { type FromPrimary, FromWorker } from "./worker-messages.ts";

/** How a worker ended. */
export interface WorkerEnd {
  readonly code: number | null;
  readonly signal: string | null;
  /** What it said of it, if it could. */
  readonly failure: Failure | undefined;
}

/** A worker that was started. */
export interface WorkerProcess {
  readonly id: number;
  readonly pid: number | undefined;
  /** Its url, once it listens; never, if it ends before. */
  readonly listening: Promise<string>;
  /** Resolves when it is gone, and everything it said was heard. */
  readonly ended: Promise<WorkerEnd>;
  /** Has it stop, now or once it hears: what is in flight is finished first. */
  readonly stop: () => void;
  readonly kill: () => void;
  /** What it has counted; `undefined`: it did not say in time. */
  readonly figures: Task<unknown>;
}

// Of the time that a scrape may take, the outbox needs more.
const FIGURES_WITHIN_MS = 1_000;

/** Starts a worker with these variables besides the primary's own; it may ask for the figures of all. */
export const startWorker = (
  variables: Readonly<Record<string, string>>,
  figuresOfAll: Task<string>,
): WorkerProcess => {
  const worker = cluster.fork(variables);
  const asked = new Map<number, (figures: unknown) => void>();
  let asks = 0;
  let hears = false;
  let listens = false;
  let stopping = false;
  let failure: Failure | undefined;

  const tell = (message: FromPrimary): void => {
    if (worker.isConnected()) {
      worker.send(message);
    }
  };
  const stop = (): void => {
    stopping = true;
    // What it is told before it hears is lost.
    if (hears) {
      tell({ _tag: "STOP" });
    }
  };

  const listening = new Promise<string>((resolve) => {
    worker.on("message", async (message) => {
      const heard = FromWorker.decode(message);
      if (E.isLeft(heard)) {
        return;
      }
      switch (heard.right._tag) {
        case "HEARING":
          hears = true;
          if (stopping) {
            stop();
          }
          break;
        case "LISTENING":
          listens = true;
          resolve(heard.right.url);
          break;
        case "FAILED":
          failure = heard.right.failure;
          break;
        case "FIGURES":
          asked.get(heard.right.id)?.(heard.right.figures);
          break;
        case "ASK_FIGURES":
          tell({ _tag: "FIGURES_OF_ALL", id: heard.right.id, text: await figuresOfAll() });
      }
    });
  });

  const ended = endOf(worker).then((end): WorkerEnd => ({ ...end, failure }));
  return {
    id: worker.id,
    pid: worker.process.pid,
    listening,
    ended,
    stop,
    kill: () => worker.process.kill("SIGKILL"),
    figures: async () => {
      if (!listens) {
        return undefined;
      }
      asks += 1;
      const id = asks;
      const told = new Promise((resolve) => asked.set(id, resolve));
      tell({ _tag: "ASK_FIGURES", id });
      const figures = await Promise.race([
        told,
        setTimeout(FIGURES_WITHIN_MS),
        ended.then(() => undefined),
      ]);
      asked.delete(id);
      return figures;
    },
  };
};

const endOf = async (worker: Worker): Promise<Pick<WorkerEnd, "code" | "signal">> => {
  const disconnected = once(worker, "disconnect");
  const [code, signal] = await new Promise<readonly [number | null, string | null]>((resolve) => {
    worker.once("exit", (code, signal) => resolve([code, signal]));
    worker.on("error", () => {
      // Told to one that is gone, which its end says too; but one that was never there has no end.
      if (worker.process.pid === undefined) {
        resolve([null, null]);
      }
    });
  });
  if (worker.process.pid !== undefined) {
    // What it said last may come after the news of its end.
    await disconnected;
  }
  return { code, signal };
};
