/** What a server says of itself in /metrics. */
import { setTimeout } from "node:timers/promises";
import type { Measured } from "./processes.ts";

const BETWEEN_LOOKS_MS = 50;
const PATIENCE_MS = 120_000;

/** How many notices are not delivered yet. */
export const WAITING = 'sealtalk_misc_outbox_notices{state="pending"}';

/** Reads one figure. */
export const metricOf = async ({ url }: Pick<Measured, "url">, series: string): Promise<number> => {
  const text = await (await fetch(`${url}/metrics`)).text();
  const line = text.split("\n").find((one) => one.startsWith(`${series} `));
  if (line === undefined) {
    throw new Error(`no ${series} in /metrics`);
  }
  return Number(line.slice(series.length + 1));
};

/** Waits until every notice is delivered, so that what is measured next has the server to itself. */
export const drained = async (server: Measured): Promise<void> => {
  const end = AbortSignal.timeout(PATIENCE_MS);
  while ((await metricOf(server, WAITING)) > 0) {
    if (end.aborted) {
      throw new Error(`notices are left after ${PATIENCE_MS / 1_000} s`);
    }
    await setTimeout(BETWEEN_LOOKS_MS);
  }
};
