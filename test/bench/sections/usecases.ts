/** What a use case adds to the ports that it asks. */
import { fork } from "node:child_process";
import { once } from "node:events";
import { USE_CASE_NS, verdict } from "../goals.ts";
import { endOf, keep } from "../processes.ts";
import type { Section } from "../section.ts";

type Found = Readonly<Record<string, { readonly p50: number; readonly p99: number }>>;

export const benchUseCases: Section = async ({ report, defer }) => {
  const child = keep(fork("dist/test/bench/children/usecases.js"));
  defer(() => endOf(child)());
  const [found]: Found[] = await Promise.race([
    once(child, "message"),
    once(child, "close").then(([status]): never => {
      throw new Error(`the use cases ended with ${status}`);
    }),
  ]);
  const [zero, ...cases] = Object.entries(found ?? {});
  if (zero === undefined) {
    throw new Error("no use case was measured");
  }
  const [idle, { p50: least, p99: leastP99 }] = zero;
  report.table(
    ["use case", "adds", "goal", "median call", "p99 call"],
    [
      ...cases.map(([name, { p50, p99 }]) => [
        name,
        `**${nanoseconds(p50 - least)}**`,
        verdict(p50 - least, USE_CASE_NS, " ns"),
        nanoseconds(p50),
        nanoseconds(p99),
      ]),
      [idle, "0 ns", "", nanoseconds(least), nanoseconds(leastP99)],
    ],
  );
};

const nanoseconds = (time: number): string => `${time.toFixed(0)} ns`;
