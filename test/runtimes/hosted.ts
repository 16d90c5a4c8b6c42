import { openRedisStore } from "../../adapters/redis/mod.ts";
import type { Case } from "../support/cases.ts";
import { startRedisServer } from "../support/redis-server.ts";
import { fileCases } from "../support/subjects/files.ts";
import { redisCases } from "../support/subjects/redis.ts";
import { askRuntime, rongCloudCases } from "../support/subjects/rongcloud.ts";
import { sqliteCases } from "../support/subjects/sqlite.ts";

/** The cases that need sockets, files or threads, and the end of the servers behind them. */
export interface Hosted {
  readonly cases: ReadonlyArray<Case>;
  readonly close: () => Promise<void>;
}

/** Starts the servers that the cases ask. */
export const startHosted = async (): Promise<Hosted> => {
  const server = await startRedisServer();
  let stores = 0;
  const open = (now: () => number = Date.now) => {
    stores += 1;
    return openRedisStore({ urls: [server.url], prefix: `test${stores}:`, now });
  };
  return {
    cases: [
      ...redisCases("redis", open),
      ...sqliteCases,
      ...fileCases,
      ...rongCloudCases("the runtime's fetch", askRuntime),
    ],
    close: server.close,
  };
};
