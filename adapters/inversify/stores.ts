import { existsSync } from "node:fs";
import * as O from "fp-ts/lib/Option.js";
import * as TE from "fp-ts/lib/TaskEither.js";
import type { Bind } from "inversify";
import type { StoreConfig } from "../config/mod.ts";
import { makeMemoryGroups, makeMemoryStore } from "../memory/mod.ts";
import { ConfigurationFault, OpeningFault, opened } from "./opening.ts";
import { provide } from "./provide.ts";
import * as tokens from "./tokens.ts";

/** Binds what keeps things: the store, the existing database, and who of them knows what. */
export const bindStores = (bind: Bind, serving: boolean): void => {
  provide(
    bind,
    tokens.STORE,
    [tokens.CONFIG],
    ({ store, dataDir }) => openStore(store, dataDir, serving),
    ({ close }) => close(),
  );
  provide(bind, tokens.STORE_LOCATION, [tokens.CONFIG], ({ store, dataDir }) =>
    locationOf(store, dataDir),
  );
  provide(bind, tokens.BACKUPS, [tokens.CONFIG], async ({ store, dataDir }) => {
    if (store._tag !== "SQLITE") {
      return O.none;
    }
    const { backUpSqliteStore, restoreSqliteStore } = await import("../sqlite/mod.ts");
    return O.some({
      backUp: (file) => backUpSqliteStore(dataDir, file),
      restore: (file) => restoreSqliteStore(dataDir, file),
    });
  });
  provide(
    bind,
    tokens.MYSQL,
    [tokens.CONFIG],
    async ({ mysql }) => {
      if (O.isNone(mysql)) {
        return O.none;
      }
      const { openMysqlDatabase } = await import("../mysql/mod.ts");
      return O.some(
        await opened(
          openMysqlDatabase({ url: mysql.value.url.reveal() }),
          ({ expected }) => new ConfigurationFault(`MYSQL_URL: expected ${expected}`),
        ),
      );
    },
    (database) => (O.isSome(database) ? database.value.close() : Promise.resolve()),
  );
  provide(
    bind,
    tokens.RELATIONSHIPS,
    [tokens.CONFIG, tokens.STORE, tokens.MYSQL],
    async ({ mysql }, store, database) => {
      if (O.isNone(mysql) || O.isNone(database)) {
        return store.relationships;
      }
      const { cacheSeconds: seconds } = mysql.value;
      const { relationships } = database.value;
      if (seconds === 0) {
        return relationships;
      }
      const { cacheRelationships } = await import("../cache/mod.ts");
      return cacheRelationships(relationships, { seconds });
    },
  );
  // No store of ours knows what a group is called.
  provide(bind, tokens.GROUPS, [tokens.MYSQL], (database) =>
    O.isSome(database) ? database.value.groups : makeMemoryGroups().groups,
  );
};

const EMBEDDED: Pick<tokens.Store, "risks" | "client"> = { risks: TE.right([]), client: O.none };

const locationOf = async (store: StoreConfig, dataDir: string): Promise<tokens.StoreLocation> => {
  switch (store._tag) {
    case "MEMORY":
      return { name: "memory", exists: () => true };
    case "SQLITE": {
      const { storePath } = await import("../sqlite/mod.ts");
      const path = storePath(dataDir);
      return { name: `sqlite ${path}`, exists: () => existsSync(path) };
    }
    case "REDIS": {
      const hosts = store.urls.reveal().map((url) => new URL(url).host);
      return { name: `redis ${hosts.join(",")} (${store.prefix})`, exists: () => true };
    }
  }
};

const openStore = async (
  store: StoreConfig,
  dataDir: string,
  serving: boolean,
): Promise<tokens.Store> => {
  switch (store._tag) {
    case "MEMORY":
      return { ...EMBEDDED, ...makeMemoryStore(), close: async () => {} };
    case "SQLITE": {
      const { openSqliteStore } = await import("../sqlite/mod.ts");
      return {
        ...EMBEDDED,
        ...(await opened(
          // A command that ends soon needs no thread: one takes longer to start than to write.
          openSqliteStore({ dir: dataDir, thread: serving }),
          ({ cause }) => new OpeningFault(`store: ${cause}`),
        )),
      };
    }
    case "REDIS": {
      const { openRedisStore } = await import("../redis/mod.ts");
      const { urls, sentinel, sentinelPassword, ...rest } = store;
      const redis = await openRedisStore({
        ...rest,
        urls: urls.reveal(),
        ...(O.isSome(sentinel) ? { sentinel: sentinel.value } : {}),
        ...(O.isSome(sentinelPassword)
          ? { sentinelPassword: sentinelPassword.value.reveal() }
          : {}),
      });
      return { ...redis, client: O.some(redis.client) };
    }
  }
};
