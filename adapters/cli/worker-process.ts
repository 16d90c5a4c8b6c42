/** One of the processes that serve together, as the primary sees it. */
import cluster, { type Worker } from "node:cluster";
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

const LAST_WORDS_MS = 100;

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

/** Resolves when a worker is gone; one that could not even be started has no status. */
const endOf = async (worker: Worker): Promise<Pick<WorkerEnd, "code" | "signal">> => {
  const forsaken = connectionGivenTo(worker);
  const disconnected = new Promise<void>((resolve) => {
    worker.once("disconnect", resolve);
  });
  const end = await new Promise<Pick<WorkerEnd, "code" | "signal">>((resolve) => {
    worker.once("exit", (code, signal) => resolve({ code, signal }));
    // Of what was told to one that is gone, the end says enough.
    worker.on("error", () => {
      if (worker.process.pid === undefined) {
        resolve({ code: null, signal: null });
      }
    });
  });
  if (worker.isConnected()) {
    // What it said last may come after the news of its end. That it hung up is not heard of if it
    // had just been given a connection.
    await Promise.race([disconnected, setTimeout(LAST_WORDS_MS)]);
  }
  forsaken.close();
  return end;
};

/**
 * The connection that a worker was given last. node:cluster keeps hold of it until the worker says
 * that it has it, and forgets it if that is killed before: its client would wait for ever.
 */
const connectionGivenTo = ({ process: child }: Worker): { readonly close: () => void } => {
  const { send } = child;
  let last: unknown;
  Object.defineProperty(child, "send", {
    value: (...sent: ReadonlyArray<unknown>) => {
      last = sent[1] ?? last;
      return Reflect.apply(send, child, sent);
    },
  });
  return {
    close: () => {
      // A connection that the worker had taken is closed here already, and closing it again is nothing.
      if (typeof last === "object" && last !== null && "close" in last) {
        const { close } = last;
        if (typeof close === "function") {
          Reflect.apply(close, last, []);
        }
      }
    },
  };
};
