/** The load generator: a process of its own, so that it shares a loop with nobody. */
import { fork } from "node:child_process";
import { once } from "node:events";
import type { Defer } from "./cleanup.ts";
import { endOf, keep, type Measured } from "./processes.ts";
import type { Headers, Load } from "./requests.ts";
import { CONNECTIONS, SECONDS, WARM_UP_SECONDS } from "./settings.ts";

/** What the process is asked for. */
export interface Job {
  readonly url: string;
  readonly headers: Headers;
  readonly loads: ReadonlyArray<Load>;
  readonly connections: number;
  readonly seconds: number;
  /** Requests a second. Without it, as many as are answered: each connection asks once it was answered. */
  readonly rate?: number;
}

/** What it found. Times are in milliseconds. */
export interface Loaded {
  readonly perSecond: number;
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
  /** Whatever was not 2xx, did not come, or came too late. */
  readonly failed: number;
}

export interface Generator {
  /** As many requests as are answered, after a warm-up. */
  readonly saturate: (server: Measured, ...loads: ReadonlyArray<Load>) => Promise<Loaded>;
  /** So many a second, whatever is answered. */
  readonly steady: (
    server: Measured,
    loads: ReadonlyArray<Load>,
    rate: number,
    seconds: number,
  ) => Promise<Loaded>;
}

export const startGenerator = (defer: Defer, headers: Headers): Generator => {
  const child = keep(fork("dist/test/bench/children/generator.js"));
  defer(() => endOf(child)());
  const ended = once(child, "close").then(([status]): never => {
    throw new Error(`the load generator ended with ${status}`);
  });
  ended.catch(() => {});
  const run = async (server: Measured, job: Omit<Job, "url" | "headers" | "connections">) => {
    const whole: Job = { url: server.url, headers, connections: CONNECTIONS, ...job };
    child.send(whole);
    const [loaded]: Loaded[] = await Promise.race([once(child, "message"), ended]);
    const what = job.loads.map(({ name }) => name).join(", ");
    if (loaded === undefined || loaded.failed > 0) {
      throw new Error(`${what} at ${server.url}: ${loaded?.failed} requests failed`);
    }
    return loaded;
  };
  return {
    saturate: async (server, ...loads) => {
      await run(server, { loads, seconds: WARM_UP_SECONDS });
      const loaded = await run(server, { loads, seconds: SECONDS });
      // A warm-up may be over before a cold server's first answer.
      if (loaded.perSecond === 0) {
        throw new Error(`${loads[0]?.name} at ${server.url}: no answer in ${SECONDS} s`);
      }
      return loaded;
    },
    steady: (server, loads, rate, seconds) => run(server, { loads, rate, seconds }),
  };
};
