import * as E from "fp-ts/lib/Either.js";
import type * as TE from "fp-ts/lib/TaskEither.js";
import { Container, ContainerModule } from "inversify";
import { createMisc } from "../../core/mod.ts";
import { type Config, readOpenApi, readTokenOptions } from "../config/mod.ts";
import { openFileVersionSource } from "../file/mod.ts";
import { makeServer } from "../hapi/mod.ts";
import { makeN3dIds, makePlainIds } from "../ids/mod.ts";
import { openLmdbStore } from "../lmdb/mod.ts";
import { makeLogGateway, makeLogger } from "../logging/mod.ts";
import { makeMemoryStore } from "../memory/mod.ts";
import { makeMetrics } from "../metrics/mod.ts";
import { makeRateLimit } from "../rate-limit/mod.ts";
import { startRelay } from "../relay/mod.ts";
import { makeRongCloudGateway } from "../rongcloud/mod.ts";
import { makeSessions } from "../session/mod.ts";
import { onAnswered, onAttempt, onDelivery, onRelayFault, onReload } from "./events.ts";
import { provide, type Token } from "./provide.ts";
import * as tokens from "./tokens.ts";

/** How long requests that are in flight may take when the server stops, in milliseconds. */
const STOP_TIMEOUT_MS = 10_000;

const foundations = (config: Config): ContainerModule =>
  new ContainerModule(({ bind }) => {
    provide(bind, tokens.CONFIG, [], () => config);
    provide(bind, tokens.LOGGER, [tokens.CONFIG], ({ logLevel }) => makeLogger(logLevel));
    provide(bind, tokens.METRICS, [], makeMetrics);
  });

const ports = new ContainerModule(({ bind }) => {
  provide(
    bind,
    tokens.STORE,
    [tokens.CONFIG],
    async ({ store, dataDir }) =>
      store === "memory"
        ? { ...makeMemoryStore(), close: async () => {} }
        : opened(openLmdbStore({ dir: dataDir })),
    (store) => store.close(),
  );
  provide(
    bind,
    tokens.RELEASE_FILES,
    [tokens.CONFIG, tokens.LOGGER],
    ({ releasesDir }, log) =>
      opened(openFileVersionSource({ dir: releasesDir, onReload: onReload(log) })),
    (files) => files.close(),
  );
  provide(bind, tokens.IDS, [tokens.CONFIG], ({ n3dKey }) =>
    n3dKey === undefined ? makePlainIds() : n3dIds(n3dKey),
  );
  provide(bind, tokens.GATEWAY, [tokens.CONFIG, tokens.LOGGER], ({ gateway }, log) =>
    gateway._tag === "LOG"
      ? makeLogGateway(log)
      : makeRongCloudGateway({ ...gateway, onAttempt: onAttempt(log) }),
  );
});
