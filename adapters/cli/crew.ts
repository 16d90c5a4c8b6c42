/** A crew of workers: each seat is taken again when its worker ends, until the crew is to stop. */
import { setTimeout as delay } from "node:timers/promises";
import * as E from "fp-ts/lib/Either.js";
import type * as TE from "fp-ts/lib/TaskEither.js";
import { type Failure, failed } from "./failure.ts";
import type { Logger } from "./serving.ts";
import type { WorkerEnd, WorkerProcess } from "./worker-process.ts";

/** What a crew is made of. */
export interface CrewOptions {
  readonly seats: number;
  /** Starts the worker of a seat, the first or another one. */
  readonly start: (seat: number) => WorkerProcess;
  /** Told once, when every seat is taken by a worker that listens. */
  readonly onListening: (url: string) => void;
  /** Resolves when the crew is to stop. */
  readonly ended: () => Promise<string>;
  readonly log: Logger;
}

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 30_000;

/** A worker that lasted for so long did not end because of how it was started. */
const STEADY_MS = 60_000;

/** What a worker has to stop: the server's ten seconds for what is in flight, and the store's three. */
const STOPPED_WITHIN_MS = 13_000;

/** How long a seat is left empty after so many of its workers, one after the other, ended early. */
export const pauseAfter = (ends: number): number =>
  ends === 0 ? 0 : Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (ends - 1));

/**
 * Runs a crew until it is to stop, and every worker is gone. It fails if a seat's first worker
 * cannot listen: what holds that one up will hold up any other.
 */
export const runCrew =
  ({ seats, start, onListening, ended, log }: CrewOptions): TE.TaskEither<Failure, void> =>
  async () => {
    const running = new Set<WorkerProcess>();
    const failures: Failure[] = [];
    const stopping = new AbortController();
    let empty = seats;
    let deadline: NodeJS.Timeout | undefined;

    const killLate = (): void => {
      for (const worker of running) {
        failures.push(failed(`the worker ${worker.pid} did not stop, and was killed`));
        worker.kill();
      }
    };

    const stop = (): void => {
      stopping.abort();
      deadline ??= setTimeout(killLate, STOPPED_WITHIN_MS);
      for (const worker of running) {
        worker.stop();
      }
    };

    const welcome = (worker: WorkerProcess, url: string, isFirst: boolean): void => {
      if (!isFirst) {
        log.info({ worker: worker.pid, url }, "a worker took the place of one that ended");
        return;
      }
      empty -= 1;
      if (empty === 0) {
        onListening(url);
      }
    };

    /** Heeds how a worker ended. */
    const heed = (worker: WorkerProcess, end: WorkerEnd, mustListen: boolean): void => {
      if (stopping.signal.aborted) {
        failures.push(...(end.failure === undefined ? [] : [end.failure]));
      } else if (mustListen) {
        failures.push(end.failure ?? failed(`a worker ended before it listened: ${howOf(end)}`));
        stop();
      } else {
        tellOfEnd(log, worker, end);
      }
    };

    /** Has a worker take a seat until it ends. */
    const take = async (seat: number, isFirst: boolean): Promise<void> => {
      const worker = start(seat);
      running.add(worker);
      const url = await Promise.race([worker.listening, worker.ended.then(() => undefined)]);
      if (url !== undefined) {
        welcome(worker, url, isFirst);
      }
      const end = await worker.ended;
      running.delete(worker);
      heed(worker, end, isFirst && url === undefined);
    };

    const keep = async (seat: number): Promise<void> => {
      let isFirst = true;
      let ends = 0;
      while (!stopping.signal.aborted) {
        const since = performance.now();
        await take(seat, isFirst);
        isFirst = false;
        ends = performance.now() - since < STEADY_MS ? ends + 1 : 0;
        await unlessStopped(pauseAfter(ends), stopping.signal);
      }
    };

    ended().then((signal) => {
      log.info({ signal }, "stopping");
      stop();
    });
    await Promise.all(Array.from({ length: seats }, (_, seat) => keep(seat)));
    clearTimeout(deadline);
    const [first] = failures;
    return first === undefined
      ? E.right(undefined)
      : E.left({ ...first, lines: [...new Set(failures.flatMap(({ lines }) => lines))] });
  };

const unlessStopped = (ms: number, stopped: AbortSignal): Promise<void> =>
  delay(ms, undefined, { signal: stopped }).catch(() => {});

const howOf = ({ code, signal }: WorkerEnd): string =>
  signal === null ? `exit status ${code}` : signal;

/** Who stopped as a signal told it did as it should; any other did not. */
const tellOfEnd = (log: Logger, { pid }: WorkerProcess, end: WorkerEnd): void => {
  const line = { worker: pid, how: howOf(end), faults: end.failure?.lines };
  if (end.code === 0) {
    log.warn(line, "a worker ended: another takes its place");
  } else {
    log.error(line, "a worker ended: another takes its place");
  }
};
