/** Loads servers with wrk, which sends again on each connection as soon as it was answered. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import type { Load } from "./loads.ts";
import { makeDir, type Server } from "./processes.ts";
import { median } from "./statistics.ts";

export const ROUNDS: number = Number(process.env.BENCH_ROUNDS ?? 5);
/** A whole number: wrk rejects others. */
export const SECONDS: number = Number(process.env.BENCH_SECONDS ?? 3);
export const CONNECTIONS = 50;
/** Times are in milliseconds. */
export type Figures = Readonly<Record<string, number>>;

const scriptOf = ({ requests }: Load): string => `
local requests, index = { ${requests.map((request) => JSON.stringify(request)).join(", ")} }, 0
function request()
  index = index % #requests + 1
  return requests[index]
end
function done(summary, latency)
  local e = summary.errors
  io.write(string.format("RESULT %f %f %d\\n", summary.requests / summary.duration * 1e6,
    latency:percentile(99) / 1000, e.connect + e.read + e.write + e.status + e.timeout))
end
`;

/** Returns `perSecond`, requests a second, and `p99`, the 99th percentile of their time. */
export const wrk = async (
  { url }: Server,
  load: Load,
  seconds: number = SECONDS,
  connections: number = CONNECTIONS,
): Promise<{ readonly perSecond: number; readonly p99: number }> => {
  const script = join(makeDir(), "load.lua");
  await writeFile(script, scriptOf(load));
  const options = ["-t1", `-c${connections}`, `-d${seconds}s`, "--timeout", "10s", "-s", script];
  const child = spawn("wrk", [...options, url], { stdio: ["ignore", "pipe", "inherit"] });
  await once(child, "spawn").catch((cause) => {
    throw new Error("Cannot run wrk. On Debian, run: apt-get install wrk", { cause });
  });
  const output = await text(child.stdout);
  const [, perSecond, p99, failed] = /RESULT (\S+) (\S+) (\d+)/.exec(output) ?? [];
  const failure = `${load.name} at ${url}: requests failed. wrk printed:\n${output}`;
  assert.ok(failed === "0" && Number(perSecond) > 0, failure);
  return { perSecond: Number(perSecond), p99: Number(p99) };
};

/**
 * Gives the median of a contestant's figure or, with `to`, the median of its ratios to another
 * contestant in the same round: a slow moment of the machine slows both.
 */
type Medians = (name: string, figure: string, to?: string) => number;
type Contestants = Readonly<Record<string, () => Promise<Figures>>>;

/** Runs contestants in turn, A B C A B C … */
export const interleave = async (contestants: Contestants): Promise<Medians> => {
  const found = new Map<string, ReadonlyArray<Figures>>();
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const [name, run] of Object.entries(contestants)) {
      found.set(name, [...(found.get(name) ?? []), await run()]);
    }
  }
  const of = (name: string, figure: string) =>
    (found.get(name) ?? []).map((figures) => figures[figure] ?? Number.NaN);
  return (name, figure, to) => {
    const others = to === undefined ? [] : of(to, figure);
    return median(of(name, figure).map((one, round) => one / (others[round] ?? 1)));
  };
};
