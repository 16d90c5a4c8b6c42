/**
 * So many requests a second, evenly, however long answers take, and each one's time from when it was
 * due: nothing is left out because the server was busy. autocannon's `overallRate` is not that: it
 * sends what a second brings as fast as it is answered, and then waits for the next second.
 */
import { createHistogram } from "node:perf_hooks";
import { type Dispatcher, Pool } from "undici";
import type { Job, Loaded } from "../generator.ts";
import type { Load } from "../requests.ts";

const NS_PER_MS = 1e6;

/** The loads' requests in turn: each load as often as the others. */
function* requestsOf(
  loads: ReadonlyArray<Load>,
  headers: Job["headers"],
): Generator<Dispatcher.RequestOptions, never> {
  for (let number = 0; ; number += 1) {
    for (const { method, path, bodies } of loads) {
      const body = bodies[number % bodies.length];
      yield body === undefined ? { method, path } : { method, path, headers, body };
    }
  }
}

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

export const steady = async ({
  url,
  headers,
  loads,
  connections,
  seconds,
  rate,
}: Job & { readonly rate: number }): Promise<Loaded> => {
  const pool = new Pool(url, { connections, headersTimeout: 10_000, bodyTimeout: 10_000 });
  const times = createHistogram();
  const requests = requestsOf(loads, headers);
  const total = Math.round(rate * seconds);
  const began = performance.now();
  let failed = 0;
  let answered = 0;

  const ask = async (due: number): Promise<void> => {
    try {
      const { statusCode, body } = await pool.request(requests.next().value);
      await body.dump();
      failed += statusCode >= 200 && statusCode < 300 ? 0 : 1;
    } catch {
      failed += 1;
    }
    answered += 1;
    times.record(Math.max(1, Math.round((performance.now() - due) * NS_PER_MS)));
  };

  const dueAt = (number: number): number => began + (number * 1_000) / rate;
  // A timer is a millisecond late, as long as an answer takes: so it looks at the clock instead.
  for (let sent = 0; sent < total; await nextTurn()) {
    while (sent < total && dueAt(sent) <= performance.now()) {
      void ask(dueAt(sent));
      sent += 1;
    }
  }
  while (answered < total) {
    await nextTurn();
  }
  const elapsed = (performance.now() - began) / 1_000;
  await pool.close();
  const at = (percent: number): number => times.percentile(percent) / NS_PER_MS;
  return {
    perSecond: (answered - failed) / elapsed,
    p50: at(50),
    p99: at(99),
    p999: at(99.9),
    max: times.max / NS_PER_MS,
    failed,
  };
};
