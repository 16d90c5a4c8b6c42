/** Stores with people in them, each with the environment of a server on it. */

import { openRedisStore } from "../../adapters/redis/mod.ts";
import { openSqliteStore } from "../../adapters/sqlite/mod.ts";
import { succeed } from "../contract/expect.ts";
import { type RedisServer, startRedisServer } from "../support/redis-server.ts";
import { makeTempDir } from "../support/temp-dir.ts";
import type { Defer } from "./cleanup.ts";
import { introduce, VARIABLES } from "./requests.ts";

type Variables = Readonly<Record<string, string>>;

/** An embedded store in a folder of its own. */
export const makeSqlite = async (defer: Defer): Promise<Variables> => {
  const { dir, remove } = await makeTempDir();
  defer(remove);
  const store = await succeed(openSqliteStore({ dir }));
  await succeed(introduce(store.relationships));
  await store.close();
  return { ...VARIABLES, STORE: "sqlite", DATA_DIR: dir };
};

/** A Redis of its own, which keeps nothing on a disk. */
export interface OnRedis {
  readonly redis: RedisServer;
  readonly variables: Variables;
}

export const makeRedis = async (defer: Defer): Promise<OnRedis> => {
  const redis = await startRedisServer();
  defer(redis.close);
  const { dir, remove } = await makeTempDir();
  defer(remove);
  const store = await openRedisStore({ urls: [redis.url] });
  await succeed(introduce(store.relationships));
  await store.close();
  return {
    redis,
    variables: { ...VARIABLES, STORE: "redis", REDIS_URL: redis.url, DATA_DIR: dir },
  };
};
