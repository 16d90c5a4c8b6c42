import { pipe } from "fp-ts/lib/function.js";
import * as O from "fp-ts/lib/Option.js";
import * as TE from "fp-ts/lib/TaskEither.js";
import type { Bind } from "inversify";
import { createMisc, type SettingsRepository } from "../../core/mod.ts";
import type { StoreConfig } from "../config/mod.ts";
import type { consoleRoutes, Inbox } from "../console/mod.ts";
import type { ServerOptions } from "../hapi/mod.ts";
import type { Route } from "../http/mod.ts";
import type { Logger } from "../logging/mod.ts";
import type { MysqlDatabase } from "../mysql/mod.ts";
import type { SharedCount } from "../rate-limit/mod.ts";
import type { Tracing } from "../tracing/mod.ts";
import { onAnswered, onDelivery, onRateLimitFault, onRelayFault } from "./events.ts";
import { observed, observersOf } from "./observed.ts";
import { NOTICES_AT_ONCE } from "./ports.ts";
import { provide } from "./provide.ts";
import * as tokens from "./tokens.ts";

/** How long requests that are in flight may take when the server stops, in milliseconds. */
const STOP_TIMEOUT_MS = 10_000;

/** Binds the core, and what serves it and delivers for it. */
export const bindService = (bind: Bind): void => {
  provide(
    bind,
    tokens.MISC,
    [
      tokens.CONFIG,
      tokens.STORE,
      tokens.MYSQL,
      tokens.RELATIONSHIPS,
      tokens.RELEASE_FILES,
      tokens.GROUPS,
      tokens.IDS,
      tokens.GATEWAY,
      tokens.METRICS,
      tokens.TRACING,
    ],
    (
      { sendConcurrency },
      { settings, outbox },
      database,
      relationships,
      { source },
      groups,
      ids,
      gateway,
      metrics,
      tracing,
    ) =>
      createMisc(
        {
          ...observed(
            { settings: readyWith(database, settings), outbox, relationships, gateway },
            observersOf(metrics, tracing),
          ),
          versions: source,
          groups,
          ids,
          now: Date.now,
          random: Math.random,
        },
        { maxConcurrentSends: sendConcurrency },
      ),
  );
  provide(
    bind,
    tokens.RATE_LIMIT,
    [tokens.CONFIG, tokens.STORE, tokens.LOGGER],
    async ({ rateLimit, store }, { client }, log) => {
      const { makeRateLimit } = await import("../rate-limit/mod.ts");
      return makeRateLimit(rateLimit, sharedCount(store, client, log));
    },
  );
  provide(
    bind,
    tokens.FAILURE_LIMIT,
    [tokens.CONFIG, tokens.STORE, tokens.LOGGER],
    async ({ sessionFailureLimit, store }, { client }, log) => {
      const { makeFailureLimit } = await import("../rate-limit/mod.ts");
      return makeFailureLimit(sessionFailureLimit, sharedCount(store, client, log));
    },
  );
  provide(
    bind,
    tokens.RELAY,
    [tokens.MISC, tokens.STORE, tokens.LOGGER, tokens.METRICS],
    async (misc, { outbox }, log, metrics) => {
      const { startRelay } = await import("../relay/mod.ts");
      return startRelay({
        misc,
        outbox,
        concurrency: NOTICES_AT_ONCE,
        onDelivery: onDelivery(log, metrics),
        onFault: onRelayFault(log),
      });
    },
    ({ stop }) => stop(),
  );
  provide(
    bind,
    tokens.SERVER,
    [
      tokens.CONFIG,
      tokens.MISC,
      tokens.SESSIONS,
      tokens.RATE_LIMIT,
      tokens.FAILURE_LIMIT,
      tokens.LOGGER,
      tokens.METRICS,
      tokens.IDS,
      tokens.TRACING,
      tokens.INBOX,
      tokens.SIGN_TOKEN,
      tokens.STORE,
    ],
    async (
      config,
      misc,
      sessions,
      rateLimit,
      failureLimit,
      log,
      metrics,
      ids,
      tracing,
      inbox,
      signToken,
      { relationships },
    ) => {
      const { makeServer } = await import("../hapi/mod.ts");
      const { findDocs, makeOpenApi } = await import("../openapi/mod.ts");
      const { more, eventStreams } = config.console
        ? await consoleOf(
            { ids, signToken, directory: O.isSome(config.mysql) ? O.none : O.some(relationships) },
            inbox,
          )
        : NO_CONSOLE;
      return makeServer({
        host: config.host,
        port: config.port,
        corsOrigins: config.corsOrigins,
        misc,
        sessions,
        rateLimit,
        failureLimit,
        trustedProxies: config.trustedProxies,
        metrics,
        openApi: makeOpenApi(),
        more: [...(config.docs ? findDocs() : []), ...more],
        eventStreams,
        onAnswered: onAnswered(log, metrics, ids),
        ...(O.isSome(tracing) ? { instrument: spanned(tracing.value) } : {}),
      });
    },
    (server) => server.stop({ timeout: STOP_TIMEOUT_MS }),
  );
};

/** Settings that are ready when the database is too: to its clients the two are one store. */
const readyWith = (
  database: O.Option<MysqlDatabase>,
  settings: SettingsRepository,
): SettingsRepository =>
  O.isNone(database)
    ? settings
    : {
        ...settings,
        ready: () => pipe(settings.ready(), TE.apFirst(database.value.ready())),
      };

/** Returns where to count for all processes: Redis, if it is the store. */
const sharedCount = (
  store: StoreConfig,
  client: tokens.Store["client"],
  log: Logger,
): SharedCount | undefined =>
  store._tag === "REDIS" && O.isSome(client)
    ? { client: client.value, prefix: store.prefix, onFault: onRateLimitFault(log) }
    : undefined;

const spanned =
  (tracing: Tracing) =>
  (route: Route): Route => ({
    ...route,
    answer: (request) =>
      tracing.request({ method: route.method, route: route.path, header: request.header })(
        route.answer(request),
      ),
  });

type Console = Required<Pick<ServerOptions, "more" | "eventStreams">>;

const NO_CONSOLE: Console = { more: [], eventStreams: [] };

const consoleOf = async (
  options: Parameters<typeof consoleRoutes>[0],
  inbox: Inbox,
): Promise<Console> => {
  const { consoleRoutes, inboxEvents } = await import("../console/mod.ts");
  return { more: consoleRoutes(options), eventStreams: [inboxEvents(inbox)] };
};
