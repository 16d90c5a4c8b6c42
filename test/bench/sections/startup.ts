/** How soon a started server answers, and how much memory it holds. */
import { execFileSync } from "node:child_process";
import { setTimeout } from "node:timers/promises";
import { makeStore, megabytesOf, startRongCloud, startServer } from "../processes.ts";
import { judge, table } from "../statistics.ts";
import { interleave } from "../wrk.ts";

const [GOAL_MS, GOAL_MEGABYTES, IDLE_MS] = [300, 80, 5_000];

export const startup = async (): Promise<string> => {
  const env = await startRongCloud();
  const stores = { sqlite: await makeStore("sqlite"), redis: await makeStore("redis") };
  const start = async (store: "sqlite" | "redis") => {
    const began = performance.now();
    const server = await startServer({ ...env, ...stores[store] });
    const [ms, first] = [performance.now() - began, await megabytesOf(server)];
    await setTimeout(IDLE_MS);
    const idle = await megabytesOf(server);
    await server.end();
    return { ms, first, idle };
  };
  const of = await interleave({
    node: async () => {
      const began = performance.now();
      execFileSync(process.execPath, ["-e", "0"]);
      return { ms: performance.now() - began };
    },
    sqlite: () => start("sqlite"),
    redis: () => start("redis"),
  });
  const rows = ["sqlite", "redis"].map((store) => [
    store,
    judge(of(store, "ms"), 0, GOAL_MS, " ms"),
    of(store, "ms", "node").toFixed(1),
    `${of(store, "first").toFixed(0)} MB`,
    judge(of(store, "idle"), 0, GOAL_MEGABYTES, " MB"),
  ]);
  const columns = "first answer | to `node -e 0` | memory then | memory after 5 s idle";
  return table(`store | ${columns}`, rows);
};
