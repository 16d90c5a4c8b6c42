import { setTimeout as delay } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import * as E from "fp-ts/lib/Either.js";
import type * as TE from "fp-ts/lib/TaskEither.js";
import { type StoreUnavailable, storeUnavailable } from "../../core/mod.ts";
import { type Call, type Committed, makeCommitter } from "./committer.ts";
import type { Connect } from "./driver.ts";
import type { Writes } from "./writes.ts";

/** Makes changes. Changes that arrive during a commit share the next commit. */
export interface Writer {
  /**
   * Makes a change, and returns once it is flushed. After the deadline it fails with
   * STORE_UNAVAILABLE: a change that had begun may be kept; a change that had not is never made.
   */
  readonly write: <Name extends keyof Writes>(
    name: Name,
    ...args: Parameters<Writes[Name]>
  ) => TE.TaskEither<StoreUnavailable, unknown>;
  /** Waits for pending changes, and closes. Later changes fail with STORE_UNAVAILABLE. */
  readonly close: () => Promise<void>;
}

/** A {@link Committer} that may be on another thread. */
interface Commits {
  readonly commit: (calls: ReadonlyArray<Call>) => Promise<Committed>;
  readonly close: () => Promise<void>;
}

/** Options of {@link openWriter}. */
export interface WriterOptions {
  readonly path: string;
  /** How long a change may take, in milliseconds. */
  readonly deadlineMs: number;
  /** Whether to write on a separate thread, so that a flush does not block the event loop. */
  readonly thread: boolean;
  /** Runs after each commit, before the callers get their results. */
  readonly onCommit: (committed: Committed) => void;
}

/** A change that has not been answered. */
interface Pending {
  readonly call: Call;
  readonly answer: (outcome: E.Either<StoreUnavailable, unknown>) => void;
}

// More calls than this would keep the lock too long from other processes.
const MAX_CALLS = 1_000;

/**
 * Opens the file to write.
 *
 * @throws an Error that says why it cannot be opened.
 */
export const openWriter = async (
  connect: Connect,
  { path, deadlineMs, thread, onCommit }: WriterOptions,
): Promise<Writer> => {
  const commits = thread ? await startThread(path, deadlineMs) : commitHere(connect, path);
  const waiting = new Set<Pending>();
  let working: Promise<void> | undefined;
  let closed = false;

  const work = async (): Promise<void> => {
    while (waiting.size > 0) {
      const batch = [...waiting].slice(0, MAX_CALLS);
      for (const pending of batch) {
        waiting.delete(pending);
      }
      const committed = await commits.commit(batch.map(({ call }) => call));
      onCommit(committed);
      const { outcomes } = committed;
      for (const [index, { answer }] of batch.entries()) {
        const outcome = outcomes[index] ?? { fault: "the writer gave no answer" };
        answer(
          "fault" in outcome ? E.left(storeUnavailable(outcome.fault)) : E.right(outcome.value),
        );
      }
    }
    working = undefined;
  };

  const enqueue = (call: Call): Promise<E.Either<StoreUnavailable, unknown>> =>
    new Promise((resolve) => {
      const answer: Pending["answer"] = (outcome) => {
        clearTimeout(timer);
        resolve(outcome);
      };
      const pending = { call, answer };
      const timer = setTimeout(() => {
        waiting.delete(pending);
        answer(E.left(storeUnavailable(`${path}: no flush within ${deadlineMs} ms`)));
      }, deadlineMs);
      waiting.add(pending);
      // Start after the current turn, so that changes of the same turn share a flush.
      working ??= Promise.resolve().then(work);
    });

  return {
    write:
      (name, ...args) =>
      async () =>
        closed ? E.left(storeUnavailable("the store is closed")) : enqueue([name, args]),
    close: async () => {
      closed = true;
      // A disk that never answers must not keep the process from ending.
      await Promise.race([working, delay(deadlineMs, undefined, { ref: false })]);
      await commits.close();
    },
  };
};

const commitHere = (connect: Connect, path: string): Commits => {
  const { commit, close } = makeCommitter(connect, path);
  return { commit: async (calls) => commit(calls), close: async () => close() };
};

/** A thread that has opened the file. */
interface Thread {
  readonly commit: (calls: ReadonlyArray<Call>) => Promise<Committed>;
  readonly close: () => Promise<void>;
  readonly hasEnded: () => boolean;
}

/** Commits on a thread. Starts a new thread if a fault has ended the earlier one. */
const startThread = async (path: string, deadlineMs: number): Promise<Commits> => {
  let thread = await launchThread(path, deadlineMs);
  return {
    commit: async (calls) => {
      try {
        thread = thread.hasEnded() ? await launchThread(path, deadlineMs) : thread;
        return await thread.commit(calls);
      } catch (fault) {
        const { message } = fault instanceof Error ? fault : new Error(String(fault));
        return { outcomes: calls.map(() => ({ fault: message })), identity: undefined };
      }
    },
    close: () => thread.close(),
  };
};

// The file has the extension of this one: tsc does not rewrite a name in a URL.
const THREAD = new URL(
  import.meta.url.endsWith(".ts") ? "./thread.ts" : "./thread.js",
  import.meta.url,
);

const launchThread = async (path: string, deadlineMs: number): Promise<Thread> => {
  const worker = new Worker(THREAD, { workerData: { path } });
  let answer: (message: unknown) => void = () => {};
  let refuse: (fault: unknown) => void = () => {};
  let ended = false;
  worker.on("message", (message) => answer(message));
  worker.on("error", (fault) => refuse(fault));
  worker.on("exit", () => {
    ended = true;
    refuse(new Error(`${path}: the writer's thread has ended`));
  });
  /** Waits for the next message; the thread sends one for each that it gets. */
  const next = <A>(is: (message: unknown) => message is A): Promise<A> =>
    new Promise((resolve, reject) => {
      refuse = reject;
      answer = (message) => {
        if (is(message)) {
          resolve(message);
        } else {
          reject(faultIn(message));
        }
      };
    });

  await next((message) => message === "opened");
  return {
    commit: (calls) => {
      const committed = next(isCommitted);
      worker.postMessage(calls);
      return committed;
    },
    close: async () => {
      if (!ended) {
        const closed = next((message) => message === "closed").catch(() => {});
        worker.postMessage("close");
        await Promise.race([closed, delay(deadlineMs, undefined, { ref: false })]);
      }
      await worker.terminate();
    },
    hasEnded: () => ended,
  };
};

const isCommitted = (message: unknown): message is Committed =>
  typeof message === "object" && message !== null && "outcomes" in message;

const faultIn = (message: unknown): Error =>
  new Error(
    typeof message === "object" && message !== null && "fault" in message
      ? String(message.fault)
      : "the writer's thread gave no answer",
  );
