import { createHash } from "node:crypto";
import { join } from "node:path";
import * as E from "fp-ts/lib/Either.js";
import { pipe } from "fp-ts/lib/function.js";
import * as O from "fp-ts/lib/Option.js";
import type { Task } from "fp-ts/lib/Task.js";
import * as TE from "fp-ts/lib/TaskEither.js";
import { type Bind, Container, ContainerModule } from "inversify";
import { CONVERSATION_TYPES, createMisc, type SettingsRepository } from "../../core/mod.ts";
import {
  type Config,
  type ConfigFault,
  type LegacyCookieConfig,
  readConfig,
  type SessionConfig,
  type StoreConfig,
} from "../config/mod.ts";
import { consoleRoutes, inboxEvents, makeInbox } from "../console/mod.ts";
import {
  openFileVersionSource,
  readReleases,
  renderReleaseFaults,
  sampleReleasesDir,
} from "../file/mod.ts";
import { type KeySet, readKeySet, readOrMakeSecret } from "../file/session-keys.ts";
import { makeServer } from "../hapi/mod.ts";
import type { Asset, Route } from "../http/mod.ts";
import { makeN3dIds, makePlainIds } from "../ids/mod.ts";
import { openLmdbStore } from "../lmdb/mod.ts";
import { type Logger, makeLogGateway, makeLogger, makePrettyLogger } from "../logging/mod.ts";
import { makeMemoryGroups, makeMemoryStore } from "../memory/mod.ts";
import { type Metrics, makeMetrics } from "../metrics/mod.ts";
import { parseMysqlUrl } from "../mysql/address.ts";
import type { MysqlDatabase } from "../mysql/mod.ts";
import { findDocs, makeOpenApi } from "../openapi/mod.ts";
import { makeFailureLimit, makeRateLimit, type SharedCount } from "../rate-limit/mod.ts";
import { startRelay } from "../relay/mod.ts";
import { makeRongCloudGateway, probeRongCloud } from "../rongcloud/mod.ts";
import {
  type LegacyCookieOptions,
  makeSessions,
  signSession,
  type TokenOptions,
} from "../session/mod.ts";
import type { Tracing } from "../tracing/mod.ts";
import {
  onAnswered,
  onAttempt,
  onDelivery,
  onRateLimitFault,
  onRelayFault,
  onReload,
} from "./events.ts";
import { type Observers, observed } from "./observed.ts";
import { provide } from "./provide.ts";
import * as tokens from "./tokens.ts";

/** How long requests that are in flight may take when the server stops, in milliseconds. */
const STOP_TIMEOUT_MS = 10_000;

/** How long a connection to RongCloud may take to be made, in milliseconds. */
const CONNECT_TIMEOUT_MS = 1_000;

/** How many notices of each type of conversation are on their way at once. */
const NOTICES_AT_ONCE = 16;

/** What the program is wired for. */
export interface ContainerOptions {
  /** Whether a server is to be run, which needs more. */
  readonly serving: boolean;
  /** Whether a person reads the log as it comes: it is then written for them. */
  readonly isTerminal?: boolean;
  /** How many processes are to serve together, each wired as one of the `together`; without it, one. */
  readonly workers?: number;
  /** Set where this process is one of several that a primary process of node:cluster started. */
  readonly together?: Together;
}

/** What a process that serves together with others asks of the primary process. */
export interface Together {
  /** What all have counted, in Prometheus' text format. */
  readonly figures: Task<string>;
}

/**
 * Wires the program for an environment, or reports everything that is wrong with that. Nothing is
 * opened before it is asked for.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { isRight } from "fp-ts/lib/Either.js";
 * import { closeContainer, makeContainer, resolve, tokens } from "sealtalk-misc/inversify";
 *
 * const wired = makeContainer({ STORE: "memory", SESSION_SECRET: "s".repeat(32) }, { serving: true });
 * assert.ok(isRight(wired));
 * const misc = await resolve(wired.right, tokens.MISC);
 * assert.ok(isRight(await misc.checkUpdate("1.0.0")()));
 * await closeContainer(wired.right);
 * ```
 */
export const makeContainer = (
  env: Readonly<Record<string, string | undefined>>,
  { serving, isTerminal = false, workers = 1, together }: ContainerOptions,
): E.Either<ReadonlyArray<ConfigFault>, Container> =>
  pipe(
    readConfig(env, { n3dKeyFault, mysqlUrlFault, serving, workers }),
    E.map((config) => {
      const container = new Container();
      container.load(
        new ContainerModule(({ bind }) => {
          bindAll(bind, asOneOf(together, config), isTerminal, together);
          bindPrimary(bind);
        }),
      );
      return container;
    }),
  );

/**
 * Closes what was opened: first who takes requests and who delivers, then what they work on.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { isRight } from "fp-ts/lib/Either.js";
 * import { closeContainer, makeContainer } from "sealtalk-misc/inversify";
 *
 * const wired = makeContainer({ STORE: "memory" }, { serving: false });
 * assert.ok(isRight(wired));
 * await closeContainer(wired.right);
 * ```
 */
export const closeContainer = async (container: Container): Promise<void> => {
  await Promise.all([unbind(container, tokens.SERVER), unbind(container, tokens.RELAY)]);
  await unbind(container, tokens.RELEASE_FILES);
  await Promise.all(
    [tokens.STORE, tokens.MYSQL, tokens.KEEP_ALIVE, tokens.TRACING].map((token) =>
      unbind(container, token),
    ),
  );
};

const unbind = async (container: Container, token: symbol): Promise<void> => {
  try {
    await container.unbindAsync(token);
  } catch (fault) {
    // What could not be opened is not there to be closed, but inversify repeats why.
    if (!(fault instanceof OpeningFault)) {
      throw fault;
    }
  }
};

/** The console's inbox has what this process took, which is only a part of what all took. */
const asOneOf = (together: Together | undefined, config: Config): Config =>
  together === undefined ? config : { ...config, console: false };

// No process that serves has any of these, and their loading is no part of its start.
const bindPrimary = (bind: Bind): void => {
  provide(bind, tokens.TALLY, [], async () => (await import("../metrics/tally.ts")).makeTally());
  provide(bind, tokens.COUNT_FOR_WORKERS, [], async () => {
    const { countForWorkers } = await import("../rate-limit/mod.ts");
    return countForWorkers;
  });
};

const bindAll = (
  bind: Bind,
  config: Config,
  isTerminal: boolean,
  together: Together | undefined,
): void => {
  provide(bind, tokens.CONFIG, [], () => config);
  provide(bind, tokens.LOGGER, [tokens.CONFIG], ({ logLevel }) =>
    isTerminal ? makePrettyLogger(logLevel) : makeLogger(logLevel),
  );
  provide(bind, tokens.METRICS, [tokens.STORE], ({ outbox }) =>
    makeMetrics({ outbox, ...(together === undefined ? {} : { ofAll: together.figures }) }),
  );
  provide(
    bind,
    tokens.TRACING,
    [tokens.CONFIG],
    ({ tracing }) => startTracing(tracing),
    (tracing) => (O.isSome(tracing) ? tracing.value.close() : Promise.resolve()),
  );
  bindPorts(bind);
  bindSessions(bind);
  bindService(bind, together);
};

// What is imported where it is asked for is no part of the start of who does not configure it.
const bindPorts = (bind: Bind): void => {
  provide(
    bind,
    tokens.STORE,
    [tokens.CONFIG],
    ({ store, dataDir }) => openStore(store, dataDir),
    ({ close }) => close(),
  );
  bindRelationships(bind);
  provide(
    bind,
    tokens.RELEASE_FILES,
    [tokens.CONFIG, tokens.IDS, tokens.LOGGER],
    (config, ids, log) =>
      opened(
        openFileVersionSource({ dir: releasesDir(config), ids, onReload: onReload(log) }),
        ({ cause }) => new OpeningFault(`releases: ${cause}`),
      ),
    ({ close }) => close(),
  );
  provide(bind, tokens.READ_RELEASES, [tokens.CONFIG, tokens.IDS], (config, ids) =>
    pipe(
      readReleases(releasesDir(config), { ids }),
      TE.mapLeft((faults) => renderReleaseFaults(faults).split("\n")),
    ),
  );
  provide(bind, tokens.IDS, [tokens.CONFIG], ({ ids }) =>
    ids._tag === "PLAIN"
      ? makePlainIds()
      : opened(
          TE.fromEither(makeN3dIds(ids.key.reveal())),
          ({ expected }) => new ConfigurationFault(`N3D_KEY: expected ${expected}`),
        ),
  );
  // No store of ours knows what a group is called.
  provide(bind, tokens.GROUPS, [tokens.MYSQL], (database) =>
    O.isSome(database) ? database.value.groups : makeMemoryGroups().groups,
  );
  provide(
    bind,
    tokens.KEEP_ALIVE,
    [tokens.CONFIG],
    async ({ gateway, sendConcurrency }) => {
      if (gateway._tag === "LOG") {
        return { fetch, close: async () => {} };
      }
      const { makeKeepAliveFetch } = await import("../undici/mod.ts");
      return makeKeepAliveFetch({
        // Less than an attempt may take: who cannot be reached leaves time for the next host.
        connectMs: CONNECT_TIMEOUT_MS,
        // One for each message that may be on its way: none waits for another's answer.
        connections: sendConcurrency + CONVERSATION_TYPES.length * NOTICES_AT_ONCE,
      });
    },
    ({ close }) => close(),
  );
  provide(bind, tokens.INBOX, [], () => makeInbox());
  provide(
    bind,
    tokens.GATEWAY,
    [tokens.CONFIG, tokens.LOGGER, tokens.KEEP_ALIVE, tokens.METRICS, tokens.INBOX],
    ({ gateway }, log, { fetch }, metrics, inbox) =>
      gateway._tag === "LOG"
        ? inbox.watching(makeLogGateway(log))
        : makeRongCloudGateway({
            ...gateway,
            appSecret: gateway.appSecret.reveal(),
            fetch,
            onAttempt: onAttempt(log, metrics),
          }),
  );
  provide(
    bind,
    tokens.PROBE_GATEWAY,
    [tokens.CONFIG, tokens.KEEP_ALIVE],
    ({ gateway }, { fetch }) =>
      gateway._tag === "LOG"
        ? TE.right(undefined)
        : probeRongCloud({ ...gateway, appSecret: gateway.appSecret.reveal(), fetch }),
  );
};

const bindRelationships = (bind: Bind): void => {
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
};

const bindSessions = (bind: Bind): void => {
  provide(bind, tokens.TOKEN_OPTIONS, [tokens.CONFIG], (config) =>
    opened(tokenOptions(config), (fault) => new ConfigurationFault(fault)),
  );
  provide(bind, tokens.SESSIONS, [tokens.CONFIG, tokens.TOKEN_OPTIONS], ({ sessions }, options) =>
    makeSessions({
      ...options,
      cookie: sessions.cookie,
      ...(O.isSome(sessions.legacyCookie)
        ? { legacyCookie: legacyCookie(sessions.legacyCookie.value) }
        : {}),
    }),
  );
  provide(bind, tokens.SESSION_RISKS, [tokens.CONFIG], ({ sessions }) =>
    O.isSome(sessions.legacyCookie) ? [LEGACY_COOKIE_RISK] : [],
  );
  provide(
    bind,
    tokens.SIGN_TOKEN,
    [tokens.TOKEN_OPTIONS],
    ({ secret, issuer, audience }): tokens.SignToken =>
      (user, expiresAt) =>
        secret === undefined
          ? TE.left("SESSION_SECRET: expected to be set: who has no secret cannot sign")
          : TE.fromTask(
              signSession({
                secret,
                user,
                expiresAt,
                ...(issuer === undefined ? {} : { issuer }),
                ...(audience === undefined ? {} : { audience }),
              }),
            ),
  );
};

const bindService = (bind: Bind, together: Together | undefined): void => {
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
    ({ rateLimit, store }, { client }, log) =>
      makeRateLimit(rateLimit, sharedCount(store, client, together, log)),
  );
  provide(
    bind,
    tokens.FAILURE_LIMIT,
    [tokens.CONFIG, tokens.STORE, tokens.LOGGER],
    ({ sessionFailureLimit, store }, { client }, log) =>
      makeFailureLimit(sessionFailureLimit, sharedCount(store, client, together, log)),
  );
  provide(
    bind,
    tokens.RELAY,
    [tokens.MISC, tokens.STORE, tokens.LOGGER, tokens.METRICS],
    (misc, { outbox }, log, metrics) =>
      startRelay({
        misc,
        outbox,
        workers: NOTICES_AT_ONCE,
        onDelivery: onDelivery(log, metrics),
        onFault: onRelayFault(log),
      }),
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
    (
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
    ) =>
      makeServer({
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
        ...(config.console
          ? {
              more: consoleRoutes({
                ids,
                signToken,
                directory: O.isSome(config.mysql) ? O.none : O.some(relationships),
              }),
              eventStreams: [inboxEvents(inbox)],
            }
          : {}),
        assets: config.docs ? O.getOrElse((): ReadonlyArray<Asset> => [])(findDocs()) : [],
        onAnswered: onAnswered(log, metrics, ids),
        ...(O.isSome(tracing) ? { instrument: spanned(tracing.value) } : {}),
      }),
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

const sharedCount = (
  store: StoreConfig,
  client: tokens.Store["client"],
  together: Together | undefined,
  log: Logger,
): SharedCount | undefined => {
  const onFault = onRateLimitFault(log);
  if (store._tag === "REDIS" && O.isSome(client)) {
    return { client: client.value, prefix: store.prefix, onFault };
  }
  return together === undefined ? undefined : { prefix: "", onFault };
};

// The packages are for who traces, and their loading is no part of anybody else's start.
const startTracing = async (config: Config["tracing"]): Promise<O.Option<Tracing>> => {
  if (O.isNone(config)) {
    return O.none;
  }
  try {
    const { makeTracing } = await import("../tracing/mod.ts");
    return O.some(makeTracing(config.value));
  } catch {
    throw new ConfigurationFault(
      "OTEL_EXPORTER_OTLP_ENDPOINT: expected the peers @opentelemetry/* of this package to be installed",
    );
  }
};

const observersOf = ({ stored }: Metrics, tracing: O.Option<Tracing>): Observers =>
  O.isNone(tracing)
    ? { store: stored, gateway: () => (call) => call }
    : {
        store: (operation) => (call) =>
          stored(operation)(tracing.value.call(`store ${operation}`)(call)),
        // A notice that the relay delivers belongs to no request that is under way.
        gateway: (operation) => tracing.value.call(`gateway ${operation}`, { alone: true }),
      };

const spanned =
  (tracing: Tracing) =>
  (route: Route): Route => ({
    ...route,
    answer: (request) =>
      tracing.request({ method: route.method, route: route.path, header: request.header })(
        route.answer(request),
      ),
  });

const EMBEDDED: Pick<tokens.Store, "risks" | "client"> = { risks: TE.right([]), client: O.none };

const openStore = async (store: StoreConfig, dataDir: string): Promise<tokens.Store> => {
  switch (store._tag) {
    case "MEMORY":
      return { ...EMBEDDED, ...makeMemoryStore(), close: async () => {} };
    case "LMDB":
      return {
        ...EMBEDDED,
        ...(await opened(
          openLmdbStore({ dir: dataDir }),
          ({ cause }) => new OpeningFault(`store: ${cause}`),
        )),
      };
    case "REDIS": {
      const { openRedisStore } = await import("../redis/mod.ts");
      const { urls, sentinel, sentinelPassword, ...rest } = store;
      const opened = await openRedisStore({
        ...rest,
        urls: urls.reveal(),
        ...(O.isSome(sentinel) ? { sentinel: sentinel.value } : {}),
        ...(O.isSome(sentinelPassword)
          ? { sentinelPassword: sentinelPassword.value.reveal() }
          : {}),
      });
      return { ...opened, client: O.some(opened.client) };
    }
  }
};

/**
 * Why a value could not be made, in one line: a container yields values or throws.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { isRight } from "fp-ts/lib/Either.js";
 * import { makeContainer, OpeningFault, resolve, tokens } from "sealtalk-misc/inversify";
 *
 * const wired = makeContainer({ RELEASES_DIR: "/nowhere" }, { serving: false });
 * assert.ok(isRight(wired));
 * await assert.rejects(resolve(wired.right, tokens.RELEASE_FILES), OpeningFault);
 * ```
 */
export class OpeningFault extends Error {
  override readonly name = "OpeningFault";
}

/**
 * The same, where it is the configuration that is at fault; the line names the variable.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { isRight } from "fp-ts/lib/Either.js";
 * import { ConfigurationFault, makeContainer, resolve, tokens } from "sealtalk-misc/inversify";
 *
 * const env = { STORE: "memory", SESSION_JWKS: "/nowhere/keys.json" };
 * const wired = makeContainer(env, { serving: false });
 * assert.ok(isRight(wired));
 * await assert.rejects(resolve(wired.right, tokens.SESSIONS), ConfigurationFault);
 * ```
 */
export class ConfigurationFault extends OpeningFault {}

const opened = async <Fault, A>(
  opening: TE.TaskEither<Fault, A>,
  faultOf: (fault: Fault) => OpeningFault,
): Promise<A> => {
  const outcome = await opening();
  if (E.isLeft(outcome)) {
    throw faultOf(outcome.left);
  }
  return outcome.right;
};

const n3dKeyFault = (key: string): string | undefined =>
  pipe(
    makeN3dIds(key),
    E.match(
      ({ expected }) => expected,
      () => undefined,
    ),
  );

const mysqlUrlFault = (url: string): string | undefined =>
  pipe(
    parseMysqlUrl(url),
    E.match(
      ({ expected }) => expected,
      () => undefined,
    ),
  );

const releasesDir = (config: Config): string =>
  O.getOrElse(() => sampleReleasesDir)(config.releasesDir);

const tokenOptions = ({
  dataDir,
  sessions: { secret, jwks, issuer, audience },
}: Config): TE.TaskEither<string, TokenOptions> =>
  pipe(
    TE.Do,
    TE.apS("secret", secretBytes(secret, dataDir)),
    TE.apS("jwks", keySet(jwks)),
    TE.map((keys) => ({
      ...(O.isSome(keys.secret) ? { secret: keys.secret.value } : {}),
      ...(O.isSome(keys.jwks) ? { jwks: keys.jwks.value } : {}),
      ...(O.isSome(issuer) ? { issuer: issuer.value } : {}),
      ...(O.isSome(audience) ? { audience: audience.value } : {}),
    })),
  );

const DAY_MS = 86_400_000;

const legacyCookie = ({ name, key, maxAgeDays }: LegacyCookieConfig): LegacyCookieOptions => ({
  name,
  password: key.reveal(),
  maxAgeMs: maxAgeDays * DAY_MS,
  md5: (bytes) => createHash("md5").update(bytes).digest(),
});

const LEGACY_COOKIE_RISK =
  "LEGACY_COOKIE_NAME is set: nothing authenticates that cookie, so anyone who holds one valid " +
  "cookie can change it and become another user; unset it once everybody has a token";

const secretBytes = (
  secret: SessionConfig["secret"],
  dataDir: string,
): TE.TaskEither<string, O.Option<Uint8Array>> => {
  switch (secret._tag) {
    case "GIVEN":
      return TE.right(O.some(new TextEncoder().encode(secret.secret.reveal())));
    case "GENERATED":
      return pipe(
        readOrMakeSecret(join(dataDir, "session-secret")),
        TE.bimap((fault) => `SESSION_SECRET: ${fault}`, O.some),
      );
    case "NONE":
      return TE.right(O.none);
  }
};

const keySet = (jwks: SessionConfig["jwks"]): TE.TaskEither<string, O.Option<KeySet | URL>> =>
  pipe(
    jwks,
    O.traverse(TE.ApplicativePar)(
      (source): TE.TaskEither<string, KeySet | URL> =>
        source._tag === "URL"
          ? TE.right(new URL(source.url))
          : pipe(
              readKeySet(source.path),
              TE.mapLeft((fault) => `SESSION_JWKS: ${fault}`),
            ),
    ),
  );
