/** How soon an outage of Redis is told, and over. */
import { startRedisServer } from "../../support/redis-server.ts";
import { startOurs } from "../processes.ts";
import { GET_STATUS, type Load, SET_STATUS } from "../requests.ts";
import type { Section } from "../section.ts";
import { makeRedis } from "../stores.ts";

export const benchOutage: Section = async ({ report, headers, defer }) => {
  const { redis, variables } = await makeRedis(defer);
  // The outage is what is measured: it need not be told of.
  const { url } = await startOurs(defer, { ...variables, LOG_LEVEL: "fatal" });
  const statusOf = async ({ method, path, bodies: [body = ""] }: Load): Promise<number> =>
    (await fetch(`${url}${path}`, { method, headers, body })).status;
  await redis.close();
  const waits: number[] = [];
  for (const load of [GET_STATUS, SET_STATUS, GET_STATUS, SET_STATUS]) {
    const began = performance.now();
    const status = await statusOf(load);
    waits.push(performance.now() - began);
    if (status !== 503) {
      throw new Error(`${load.path}: ${status} though Redis was killed`);
    }
  }
  const again = await startRedisServer("--port", String(redis.port));
  defer(again.close);
  const began = performance.now();
  // What was stored is gone with this Redis, the friendship too: a refusal by it is an answer.
  while ((await statusOf(SET_STATUS)) === 503) {
    // Again, at once.
  }
  const back = performance.now() - began;
  report.table(
    ["Redis", "takes"],
    [
      ["killed: the longest of four requests until its 503", `${Math.max(...waits).toFixed(0)} ms`],
      ["started again: until the first answer", `${back.toFixed(0)} ms`],
    ],
  );
};
