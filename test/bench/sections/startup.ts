/** How soon a server answers once it is started, and what it holds while it idles. */
import { setTimeout } from "node:timers/promises";
import { IDLE_MB, START_UP_MS, verdict } from "../goals.ts";
import { residentOf, startOurs } from "../processes.ts";
import type { Section } from "../section.ts";
import { median } from "../statistics.ts";
import { makeLmdb, makeRedis } from "../stores.ts";

const STARTS = 7;
const IDLE_SECONDS = 5;

export const benchStartUp: Section = async ({ report, defer }) => {
  const stores = [
    ["lmdb", await makeLmdb(defer)],
    ["redis", (await makeRedis(defer)).variables],
  ] as const;
  const rows: string[][] = [];
  for (const [store, variables] of stores) {
    const startUps: number[] = [];
    const idle: number[] = [];
    for (let start = 0; start < STARTS; start += 1) {
      const began = performance.now();
      const server = await startOurs(defer, variables);
      startUps.push(performance.now() - began);
      const isLast = start === STARTS - 1;
      // What start-up alone needed is given back by then.
      await setTimeout(isLast ? IDLE_SECONDS * 1_000 : 0);
      idle.push((await residentOf(server)).all);
      await server.end();
    }
    const [time, idles] = [median(startUps), idle.at(-1) ?? Number.NaN];
    rows.push(
      [
        `start-up to the first answer, ${store}`,
        `**${time.toFixed(0)} ms**`,
        verdict(time, START_UP_MS, " ms"),
      ],
      [
        `resident after the first answer, ${store}`,
        `${median(idle.slice(0, -1)).toFixed(0)} MB`,
        "",
      ],
      [
        `resident after ${IDLE_SECONDS} s idle, ${store}`,
        `**${idles.toFixed(0)} MB**`,
        verdict(idles, IDLE_MB, " MB"),
      ],
    );
  }
  report.line(`Medians of ${STARTS} starts.`);
  report.table(["", "", "goal"], rows);
};
