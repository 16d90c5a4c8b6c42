/** How long and how often the bench measures, and where. */
import { cpus } from "node:os";

const number = (name: string, otherwise: number): number => {
  const value = Number(process.env[name] ?? otherwise);
  if (!(value > 0)) {
    throw new Error(`${name}: expected a number above 0`);
  }
  return value;
};

export const ROUNDS: number = number("BENCH_ROUNDS", 3);
export const SECONDS: number = number("BENCH_SECONDS", 1.5);
export const SOAK_MINUTES: number = number("SOAK_MINUTES", 10);
export const CONNECTIONS = 50;

/** How long each server is loaded before each measurement, uncounted. */
export const WARM_UP_SECONDS = 0.5;

/** The machine: no figure means anything without it. */
export const machine = (): string => {
  const [first, ...rest] = cpus();
  return `${first?.model.trim() ?? "unknown CPU"}, ${rest.length + 1} cores, Node ${process.versions.node}, ${process.platform}.`;
};

/** How everything under load is measured. */
export const method = (): string =>
  `${ROUNDS} rounds of ${SECONDS} s, interleaved, after ${WARM_UP_SECONDS} s of warm-up; ${CONNECTIONS} connections from a process of their own; medians, of ratios within a round.`;
