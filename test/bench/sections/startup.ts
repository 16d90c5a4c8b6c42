/** How soon a server answers once it is started, and what it holds while it idles. */
import { setTimeout } from "node:timers/promises";
import { MAIN } from "../../support/program.ts";
import { IDLE_MB, START_UP_MS, verdict } from "../goals.ts";
import { residentOf, startOurs } from "../processes.ts";
import type { Section } from "../section.ts";
import { median } from "../statistics.ts";
import { makeRedis, makeSqlite } from "../stores.ts";

const STARTS = 7;
const IDLE_SECONDS = 5;

// The modules that the program is put together of.
const MODULES = "dist/adapters/cli/main.js";

export const benchStartUp: Section = async ({ report, defer }) => {
  const stores = [
    ["sqlite", await makeSqlite(defer)],
    ["redis", (await makeRedis(defer)).variables],
  ] as const;
  const rows: string[][] = [];
  for (const [store, variables] of stores) {
    const start = async (main: string, idleMs = 0): Promise<readonly [number, number]> => {
      const began = performance.now();
      const server = await startOurs(defer, variables, { main });
      const ms = performance.now() - began;
      await setTimeout(idleMs);
      const megabytes = (await residentOf(server)).all;
      await server.end();
      return [ms, megabytes];
    };
    const ours: Array<readonly [number, number]> = [];
    const ratios: number[] = [];
    for (let round = 0; round < STARTS; round += 1) {
      const [program, modules] = [await start(MAIN), await start(MODULES)];
      ours.push(program);
      ratios.push(program[0] / modules[0]);
    }
    // What start-up alone needed is given back by then.
    const [, idle] = await start(MAIN, IDLE_SECONDS * 1_000);
    const [ms, megabytes] = [median(ours.map(([ms]) => ms)), median(ours.map(([, held]) => held))];
    rows.push(
      [
        `start-up to the first answer, ${store}`,
        `**${ms.toFixed(0)} ms**`,
        verdict(ms, START_UP_MS, " ms"),
        median(ratios).toFixed(2),
      ],
      [`resident after the first answer, ${store}`, `${megabytes.toFixed(0)} MB`, "", ""],
      [
        `resident after ${IDLE_SECONDS} s idle, ${store}`,
        `**${idle.toFixed(0)} MB**`,
        verdict(idle, IDLE_MB, " MB"),
        "",
      ],
    );
  }
  report.line(`Medians of ${STARTS} starts.`);
  report.table(["", "", "goal", "of the same as modules"], rows);
};
