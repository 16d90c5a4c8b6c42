/**
 * Environment to configuration: each variable is decoded once, and every fault is reported.
 *
 * @module
 */
import { sequenceS } from "fp-ts/lib/Apply.js";
import * as E from "fp-ts/lib/Either.js";
import { pipe } from "fp-ts/lib/function.js";
import * as O from "fp-ts/lib/Option.js";
import * as RA from "fp-ts/lib/ReadonlyArray.js";
import * as t from "io-ts";
import { decode, guarded } from "../../core/mod.ts";

/** A variable that is not what it must be. Never holds the value. */
export interface ConfigFault {
  readonly variable: string;
  readonly message: string;
}

/** A text that nothing prints by accident. */
export interface Secret {
  readonly reveal: () => string;
}

/** What HS256 tokens are signed with. `GENERATED`: made once and kept in the data directory. */
export type SessionSecret =
  | { readonly _tag: "GIVEN"; readonly secret: Secret }
  | { readonly _tag: "GENERATED" }
  | { readonly _tag: "NONE" };

/** Where the public keys of tokens are. */
export type JwksSource =
  | { readonly _tag: "FILE"; readonly path: string }
  | { readonly _tag: "URL"; readonly url: string };

/** The cookie of an existing SealTalk deployment. */
export interface LegacyCookieConfig {
  readonly name: string;
  readonly key: Secret;
  readonly maxAgeDays: number;
}

/** How it is known who asks. */
export interface SessionConfig {
  readonly secret: SessionSecret;
  readonly jwks: O.Option<JwksSource>;
  readonly issuer: O.Option<string>;
  readonly audience: O.Option<string>;
  readonly cookie: string;
  readonly legacyCookie: O.Option<LegacyCookieConfig>;
}

/** Where messages go. */
export type GatewayConfig =
  | {
      readonly _tag: "RONGCLOUD";
      readonly appKey: string;
      readonly appSecret: Secret;
      /** Base URLs without a slash at the end, to be tried in turn. */
      readonly hosts: ReadonlyArray<string>;
      /** What RongCloud takes from the application. */
      readonly privatePerMinute: number;
      readonly groupPerSecond: number;
      /** Whether RongCloud refuses a repeat of a message. */
      readonly msgRandom: boolean;
    }
  | { readonly _tag: "LOG" };

/** Where settings, notices and relationships are kept. */
export type StoreConfig =
  | { readonly _tag: "LMDB" }
  | { readonly _tag: "MEMORY" }
  | {
      readonly _tag: "REDIS";
      /** One node; or a Cluster's seeds; or, with `sentinel`, Sentinels. They may hold a password. */
      readonly urls: { readonly reveal: () => ReadonlyArray<string> };
      readonly prefix: string;
      /** The name by which Sentinels know the primary. */
      readonly sentinel: O.Option<string>;
      /** What Sentinels want themselves. */
      readonly sentinelPassword: O.Option<Secret>;
      /** How many replicas must have a write before it is acknowledged. */
      readonly minReplicas: number;
      /** How long one command may take, in milliseconds. */
      readonly commandMs: number;
    };

/** The existing database that relationships come from. */
export interface MysqlConfig {
  /** It may hold a password. */
  readonly url: Secret;
  /** For how long a yes is kept; 0 is not at all. */
  readonly cacheSeconds: number;
}

/** Where traces are sent, and as which service. */
export interface TracingConfig {
  readonly endpoint: string;
  readonly service: string;
}

/** How ids are spelled on the wire. */
export type IdsConfig = { readonly _tag: "N3D"; readonly key: Secret } | { readonly _tag: "PLAIN" };

const LOG_LEVELS = ["fatal", "error", "warn", "info", "debug", "trace", "silent"] as const;

/** How much is logged: pino's levels. */
export type LogLevel = (typeof LOG_LEVELS)[number];

/** What the program is told by its environment. */
export interface Config {
  readonly host: string;
  /** 0: any that is free. */
  readonly port: number;
  readonly dataDir: string;
  readonly store: StoreConfig;
  /** None: relationships come from the store. */
  readonly mysql: O.Option<MysqlConfig>;
  readonly ids: IdsConfig;
  readonly sessions: SessionConfig;
  readonly gateway: GatewayConfig;
  /** How many messages are sent for callers at once. */
  readonly sendConcurrency: number;
  /** None: the bundled sample. */
  readonly releasesDir: O.Option<string>;
  readonly corsOrigins: ReadonlyArray<string>;
  /** POSTs a user a minute; 0 is no limit. */
  readonly rateLimit: number;
  readonly logLevel: LogLevel;
  /** None: nothing is traced. */
  readonly tracing: O.Option<TracingConfig>;
  /** Whether /console is served: outside production, where messages are only logged. */
  readonly console: boolean;
  /** Whether /docs is served. */
  readonly docs: boolean;
  /** How many sessions that do not verify an address may present a minute; 0 is no limit. */
  readonly sessionFailureLimit: number;
  /** Addresses and ranges whose X-Forwarded-For is believed. */
  readonly trustedProxies: ReadonlyArray<string>;
}

/** What only other adapters can check. */
export interface ConfigChecks {
  /** What was expected of a key that is no N3D key, as the end of "expected …". */
  readonly n3dKeyFault: (key: string) => string | undefined;
  /** What was expected of a URL that is none of a MySQL database, as the end of "expected …". */
  readonly mysqlUrlFault: (url: string) => string | undefined;
  /** Whether a server is to be run: then production needs what a server there cannot do without. */
  readonly serving: boolean;
  /** How many processes are to serve together; without it, one. */
  readonly workers?: number;
}

type Env = Readonly<Record<string, string | undefined>>;
type Read<A> = E.Either<ReadonlyArray<ConfigFault>, A>;

const all = sequenceS(E.getApplicativeValidation(RA.getSemigroup<ConfigFault>()));

const faulty = (variable: string, message: string): Read<never> => E.left([{ variable, message }]);

const lookUp = (env: Env, variable: string): O.Option<string> =>
  pipe(
    O.fromNullable(env[variable]),
    O.filter((value) => value !== ""),
  );

const isSet = (env: Env, variable: string): boolean => O.isSome(lookUp(env, variable));

const optional = <A>(env: Env, variable: string, codec: t.Decoder<unknown, A>): Read<O.Option<A>> =>
  pipe(
    lookUp(env, variable),
    O.traverse(E.Applicative)(decode(codec, variable)),
    E.mapLeft(({ expected }) => [{ variable, message: `expected ${expected}` }]),
  );

const withDefault = <A>(
  env: Env,
  variable: string,
  codec: t.Decoder<unknown, A>,
  byDefault: A,
): Read<A> => pipe(optional(env, variable, codec), E.map(O.getOrElse(() => byDefault)));

/** A codec of what a function makes of a string, if it makes anything of it. */
const parsed = <A>(
  expected: string,
  is: (value: unknown) => value is A,
  parse: (text: string) => O.Option<A>,
): t.Type<A, A, unknown> =>
  new t.Type(
    expected,
    is,
    (value, context) =>
      pipe(
        typeof value === "string" ? parse(value) : O.none,
        O.match(() => t.failure(value, context), t.success),
      ),
    t.identity,
  );

const textLike = (
  expected: string,
  is: (text: string) => boolean,
): t.Type<string, string, unknown> =>
  guarded(expected, (value): value is string => typeof value === "string" && is(value));

const integer = (least: number, most: number, expected: string): t.Type<number, number, unknown> =>
  parsed(expected, t.number.is, (text) =>
    pipe(
      O.some(text),
      O.filter((digits) => /^(0|[1-9]\d*)$/.test(digits)),
      O.map(Number),
      O.filter((n) => n >= least && n <= most),
    ),
  );

const Count = integer(1, Number.MAX_SAFE_INTEGER, "an integer from 1");

/** A number that is for all workers together, so that each has a share of it. */
const readShared = (env: Env, variable: string, byDefault: number, workers: number): Read<number> =>
  pipe(
    withDefault(env, variable, Count, byDefault),
    E.chain((count) =>
      count >= workers
        ? E.right(count)
        : faulty(variable, `expected at least ${workers}, one for each worker`),
    ),
  );

const Switch: t.Type<boolean, boolean, unknown> = parsed("0 or 1", t.boolean.is, (text) =>
  /^[01]$/.test(text) ? O.some(text === "1") : O.none,
);

const list = (
  expected: string,
  parse: (text: string) => O.Option<string>,
): t.Type<ReadonlyArray<string>, ReadonlyArray<string>, unknown> =>
  parsed(expected, t.readonlyArray(t.string).is, (text) =>
    pipe(
      text.split(",").map((part) => parse(part.trim())),
      O.sequenceArray,
    ),
  );

const oneOf = <A extends string>(names: ReadonlyArray<A>): t.Type<A, A, unknown> =>
  guarded(`one of ${names.join(", ")}`, (value): value is A =>
    names.some((name) => name === value),
  );

const url = (text: string, protocols: ReadonlyArray<string>): O.Option<URL> =>
  pipe(
    O.tryCatch(() => new URL(text)),
    O.filter(({ protocol }) => protocols.includes(protocol)),
    O.filter(() => /^[a-z]+:\/\/[^\s\\]+$/iu.test(text)),
  );

const Text = textLike("a text that is not blank", (text) => text.trim() !== "");

const Host = textLike("a host name or an address", (text) => /^[^\s/]+$/.test(text));

const CookieName = textLike("a cookie's name", (text) => /^[\w!#$%&'*+\-.^`|~]+$/.test(text));

const SessionKey = textLike(
  "at least 32 bytes",
  (text) => new TextEncoder().encode(text).length >= 32,
);

const isLoopback = ({ hostname }: URL): boolean =>
  hostname === "localhost" || hostname === "[::1]" || /^127(\.\d+){3}$/.test(hostname);

const Jwks: t.Type<JwksSource, JwksSource, unknown> = parsed(
  "the path of a file, an https URL, or an http URL of this machine; a URL without credentials",
  (value): value is JwksSource =>
    t
      .union([
        t.type({ _tag: t.literal("FILE"), path: t.string }),
        t.type({ _tag: t.literal("URL"), url: t.string }),
      ])
      .is(value),
  (text): O.Option<JwksSource> =>
    /^[a-z][a-z0-9+.-]*:\/\//i.test(text)
      ? pipe(
          url(text, ["http:", "https:"]),
          O.filter((at) => at.protocol === "https:" || isLoopback(at)),
          O.filter(({ username, password }) => username === "" && password === ""),
          O.map(({ href }) => ({ _tag: "URL", url: href })),
        )
      : pipe(
          O.some(text),
          O.filter(Text.is),
          O.map((path) => ({ _tag: "FILE", path })),
        ),
);

const baseUrl = (text: string): O.Option<string> =>
  pipe(
    url(text, ["http:", "https:"]),
    O.filter(({ username, password }) => username === "" && password === ""),
    O.filter(() => !/[?#]/.test(text)),
    O.map(({ href }) => href.replace(/\/+$/, "")),
  );

const BaseUrls = list("absolute http or https URLs without a query, comma-separated", baseUrl);

const BaseUrl: t.Type<string, string, unknown> = parsed(
  "an absolute http or https URL without a query",
  t.string.is,
  baseUrl,
);

const OCTET = /^(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)$/;

const isIpv4 = (text: string): boolean => {
  const octets = text.split(".");
  return octets.length === 4 && octets.every((octet) => OCTET.test(octet));
};

const isIpv6 = (text: string): boolean =>
  text.includes(":") && O.isSome(O.tryCatch(() => new URL(`http://[${text}]`)));

const Addresses = list("addresses or ranges (10.0.0.0/8), comma-separated", (text) => {
  const [address = "", bits, ...more] = text.split("/");
  const most = isIpv4(address) ? 32 : isIpv6(address) ? 128 : -1;
  const fits = bits === undefined ? most > 0 : /^\d{1,3}$/.test(bits) && Number(bits) <= most;
  return more.length === 0 && fits ? O.some(text) : O.none;
});

// An app's own scheme (capacitor://localhost) has no origin that URL knows of: it is taken as written.
const Origins = list("exact origins (scheme://host[:port]), comma-separated", (text) =>
  pipe(
    O.tryCatch(() => new URL(text)),
    O.filter(() => /^[a-z][a-z0-9+.-]*:\/\/[^\s/\\?#@*,]+$/i.test(text)),
    O.map(({ origin }) => (origin === "null" ? text : origin)),
  ),
);

const RedisUrls = list("redis:// or rediss:// URLs, comma-separated", (text) =>
  pipe(
    url(text, ["redis:", "rediss:"]),
    O.filter(({ hostname }) => hostname !== ""),
    O.map(() => text),
  ),
);

const isDecodable = (text: string): boolean => O.isSome(O.tryCatch(() => decodeURIComponent(text)));

const agree = (urls: ReadonlyArray<URL>, part: (one: URL) => string): boolean =>
  new Set(urls.map(part)).size <= 1;

/** What is asked of the URLs of Redis together, in turn: what nobody heeds is not to be given. */
const REDIS_DEMANDS: ReadonlyArray<{
  readonly expected: string;
  readonly met: (urls: ReadonlyArray<URL>, byName: boolean) => boolean;
}> = [
  {
    expected: "user and password percent-encoded",
    met: (urls) => urls.every(({ username, password }) => isDecodable(username + password)),
  },
  {
    expected: "URLs without a query and a fragment",
    met: (urls) => urls.every(({ href }) => !/[?#]/.test(href)),
  },
  {
    expected: "nothing behind a host but the number of a database",
    met: (urls) => urls.every(({ pathname }) => /^(\/\d{0,9})?$/.test(pathname)),
  },
  {
    expected: "no database with several URLs, unless REDIS_SENTINEL is set: a Cluster has but one",
    met: (urls, byName) =>
      byName || urls.length < 2 || urls.every(({ pathname }) => pathname.length < 2),
  },
  {
    expected: "the same scheme, user, password and database in all URLs",
    met: (urls) =>
      [
        ({ protocol }: URL) => protocol,
        ({ username }: URL) => username,
        ({ password }: URL) => password,
        ({ pathname }: URL) => pathname.slice(1),
      ].every((part) => agree(urls, part)),
  },
];

// A hash tag of its own would send everything to one node of a Cluster.
const RedisPrefix = textLike("a text without braces", (text) => /^[^\s{}]+$/.test(text));

const secret = (text: string): Secret => ({ reveal: () => text });

const isSetTo = (env: Env, variable: string, value: string): boolean => env[variable] === value;

const isProduction = (env: Env): boolean => isSetTo(env, "NODE_ENV", "production");

const STORES = ["lmdb", "redis", "memory"] as const;

const readStoreKind = (
  env: Env,
  { serving, workers = 1 }: ConfigChecks,
): Read<(typeof STORES)[number]> =>
  pipe(
    withDefault(env, "STORE", oneOf(STORES), "lmdb"),
    E.chain((store) => {
      if (store === "memory" && serving && isProduction(env)) {
        return faulty("STORE", "expected a store that outlives the process, in production");
      }
      return store === "memory" && workers > 1
        ? faulty("STORE", "expected a store that processes can share, with several workers")
        : E.right(store);
    }),
  );

const readRedisUrls = (env: Env): Read<ReadonlyArray<string>> =>
  isSetTo(env, "STORE", "redis") && !isSet(env, "REDIS_URL")
    ? faulty("REDIS_URL", "expected to be set, for the store that STORE asks for")
    : pipe(
        withDefault(env, "REDIS_URL", RedisUrls, []),
        E.chain((texts) => {
          const urls = texts.map((text) => new URL(text));
          const unmet = REDIS_DEMANDS.find(({ met }) => !met(urls, isSet(env, "REDIS_SENTINEL")));
          return unmet === undefined
            ? E.right(texts)
            : faulty("REDIS_URL", `expected ${unmet.expected}`);
        }),
      );

const readStore = (env: Env, checks: ConfigChecks): Read<StoreConfig> =>
  pipe(
    all({
      kind: readStoreKind(env, checks),
      urls: readRedisUrls(env),
      prefix: withDefault(env, "REDIS_PREFIX", RedisPrefix, "sealtalk-misc:"),
      sentinel: optional(env, "REDIS_SENTINEL", Text),
      sentinelPassword: optional(env, "REDIS_SENTINEL_PASSWORD", Text),
      minReplicas: withDefault(env, "REDIS_MIN_REPLICAS", integer(0, 100, "an integer from 0"), 0),
      commandMs: withDefault(
        env,
        "REDIS_TIMEOUT_MS",
        integer(50, 2_000, "an integer from 50 to 2000"),
        1_000,
      ),
    }),
    E.map(({ kind, urls, sentinelPassword, ...redis }): StoreConfig => {
      switch (kind) {
        case "memory":
          return { _tag: "MEMORY" };
        case "lmdb":
          return { _tag: "LMDB" };
        case "redis":
          return {
            _tag: "REDIS",
            urls: { reveal: () => urls },
            sentinelPassword: pipe(sentinelPassword, O.map(secret)),
            ...redis,
          };
      }
    }),
  );

const readMysqlUrl = (env: Env, { mysqlUrlFault }: ConfigChecks): Read<O.Option<string>> =>
  pipe(
    lookUp(env, "MYSQL_URL"),
    O.traverse(E.Applicative)((text) => {
      const expected = mysqlUrlFault(text);
      return expected === undefined ? E.right(text) : faulty("MYSQL_URL", `expected ${expected}`);
    }),
  );

const readMysql = (env: Env, checks: ConfigChecks): Read<O.Option<MysqlConfig>> =>
  pipe(
    all({
      url: readMysqlUrl(env, checks),
      cacheSeconds: withDefault(
        env,
        "RELATIONSHIP_CACHE_SECONDS",
        integer(0, 3_600, "an integer from 0 to 3600"),
        0,
      ),
    }),
    E.map(({ url, cacheSeconds }) =>
      pipe(
        url,
        O.map((text) => ({ url: secret(text), cacheSeconds })),
      ),
    ),
  );

/** Both of two variables, or none; that one is missing is the missing one's fault. */
const bothOrNeither = (
  env: Env,
  first: string,
  second: string,
  firstCodec: t.Decoder<unknown, string> = Text,
): Read<O.Option<{ readonly first: string; readonly second: string }>> => {
  const partner = (
    variable: string,
    other: string,
    codec: t.Decoder<unknown, string>,
  ): Read<O.Option<string>> =>
    isSet(env, other) && !isSet(env, variable)
      ? faulty(variable, `expected to be set together with ${other}`)
      : optional(env, variable, codec);
  return pipe(
    all({ first: partner(first, second, firstCodec), second: partner(second, first, Text) }),
    E.map(sequenceS(O.Apply)),
  );
};

const LEGACY_NAME = "LEGACY_COOKIE_NAME";
const LEGACY_KEY = "LEGACY_COOKIE_KEY";

const readLegacyCookie = (env: Env): Read<O.Option<LegacyCookieConfig>> =>
  pipe(
    all({
      pair: bothOrNeither(env, LEGACY_NAME, LEGACY_KEY, CookieName),
      maxAgeDays: withDefault(
        env,
        "LEGACY_COOKIE_MAX_AGE_DAYS",
        integer(1, 1_000_000, "a number of days above 0"),
        30,
      ),
    }),
    E.map(({ pair, maxAgeDays }) =>
      pipe(
        pair,
        O.map(({ first, second }) => ({ name: first, key: secret(second), maxAgeDays })),
      ),
    ),
  );

const sessionSecret =
  (env: Env, { serving }: ConfigChecks) =>
  (given: O.Option<string>): Read<SessionSecret> => {
    if (O.isSome(given)) {
      return E.right({ _tag: "GIVEN", secret: secret(given.value) });
    }
    if (!isProduction(env)) {
      return E.right({ _tag: "GENERATED" });
    }
    return !serving || isSet(env, "SESSION_JWKS") || isSet(env, LEGACY_NAME)
      ? E.right({ _tag: "NONE" })
      : faulty(
          "SESSION_SECRET",
          `expected to be set in production, or SESSION_JWKS, or ${LEGACY_NAME} and ${LEGACY_KEY}`,
        );
  };

// Under one name nothing would tell which of the two a cookie is.
const differ = (sessions: SessionConfig): Read<SessionConfig> =>
  O.isSome(sessions.legacyCookie) && sessions.legacyCookie.value.name === sessions.cookie
    ? faulty(LEGACY_NAME, "expected another name than SESSION_COOKIE has")
    : E.right(sessions);

const readSessions = (env: Env, checks: ConfigChecks): Read<SessionConfig> =>
  pipe(
    all({
      secret: pipe(
        optional(env, "SESSION_SECRET", SessionKey),
        E.chain(sessionSecret(env, checks)),
      ),
      jwks: optional(env, "SESSION_JWKS", Jwks),
      issuer: optional(env, "SESSION_ISSUER", Text),
      audience: optional(env, "SESSION_AUDIENCE", Text),
      cookie: withDefault(env, "SESSION_COOKIE", CookieName, "sealtalk_session"),
      legacyCookie: readLegacyCookie(env),
    }),
    E.chain(differ),
  );

const APP_KEY = "RONGCLOUD_APP_KEY";
const APP_SECRET = "RONGCLOUD_APP_SECRET";

const readGatewayKind = (env: Env, { serving }: ConfigChecks): Read<GatewayConfig["_tag"]> =>
  pipe(
    optional(env, "MESSAGE_GATEWAY", oneOf(["rongcloud", "log"])),
    E.chain((asked) => {
      if (O.isSome(asked) && asked.value === "log") {
        return E.right("LOG");
      }
      if (isSet(env, APP_KEY) || isSet(env, APP_SECRET)) {
        return E.right("RONGCLOUD");
      }
      if (O.isSome(asked)) {
        return faulty("MESSAGE_GATEWAY", `expected ${APP_KEY} and ${APP_SECRET} to be set with it`);
      }
      return serving && isProduction(env)
        ? faulty(
            APP_KEY,
            `expected to be set in production, with ${APP_SECRET}, unless MESSAGE_GATEWAY says log`,
          )
        : E.right("LOG");
    }),
  );

const BEIJING = ["https://api.rong-api.com", "https://api-b.rong-api.com"];

const readGateway = (env: Env, checks: ConfigChecks): Read<GatewayConfig> => {
  const kind = readGatewayKind(env, checks);
  // What is only logged has no limits to share.
  const workers = E.isRight(kind) && kind.right === "RONGCLOUD" ? (checks.workers ?? 1) : 1;
  return pipe(
    all({
      keys: bothOrNeither(env, APP_KEY, APP_SECRET),
      kind,
      hosts: withDefault(env, "RONGCLOUD_API", BaseUrls, BEIJING),
      privatePerMinute: readShared(env, "RONGCLOUD_PRIVATE_PER_MINUTE", 6_000, workers),
      groupPerSecond: readShared(env, "RONGCLOUD_GROUP_PER_SECOND", 20, workers),
      msgRandom: withDefault(env, "RONGCLOUD_MSG_RANDOM", Switch, false),
    }),
    E.map(
      ({ keys, kind, ...rest }): GatewayConfig =>
        kind === "RONGCLOUD" && O.isSome(keys)
          ? { _tag: kind, appKey: keys.value.first, appSecret: secret(keys.value.second), ...rest }
          : { _tag: "LOG" },
    ),
  );
};

const readIds = (env: Env, { n3dKeyFault }: ConfigChecks): Read<IdsConfig> =>
  pipe(
    lookUp(env, "N3D_KEY"),
    O.match(
      (): Read<IdsConfig> => E.right({ _tag: "PLAIN" }),
      (key) => {
        const expected = n3dKeyFault(key);
        return expected === undefined
          ? E.right({ _tag: "N3D", key: secret(key) })
          : faulty("N3D_KEY", `expected ${expected}`);
      },
    ),
  );

const readTracing = (env: Env): Read<O.Option<TracingConfig>> =>
  pipe(
    all({
      endpoint: optional(env, "OTEL_EXPORTER_OTLP_ENDPOINT", BaseUrl),
      service: withDefault(env, "OTEL_SERVICE_NAME", Text, "sealtalk-misc"),
    }),
    E.map(({ endpoint, service }) =>
      pipe(
        endpoint,
        O.map((at) => ({ endpoint: at, service })),
      ),
    ),
  );

/**
 * Reads the configuration from an environment, or reports everything that is wrong with it. An
 * empty variable is an unset one.
 */
export const readConfig = (
  env: Readonly<Record<string, string | undefined>>,
  checks: ConfigChecks,
): E.Either<ReadonlyArray<ConfigFault>, Config> =>
  pipe(
    all({
      host: withDefault(env, "HOST", Host, "127.0.0.1"),
      port: withDefault(env, "PORT", integer(0, 65_535, "a port from 0 to 65535"), 8585),
      dataDir: withDefault(env, "DATA_DIR", Text, "./data"),
      store: readStore(env, checks),
      mysql: readMysql(env, checks),
      ids: readIds(env, checks),
      sessions: readSessions(env, checks),
      gateway: readGateway(env, checks),
      sendConcurrency: readShared(env, "SEND_CONCURRENCY", 64, checks.workers ?? 1),
      releasesDir: optional(env, "RELEASES_DIR", Text),
      corsOrigins: withDefault(env, "CORS_ORIGINS", Origins, []),
      rateLimit: withDefault(
        env,
        "RATE_LIMIT",
        integer(0, Number.MAX_SAFE_INTEGER, "an integer from 0"),
        60,
      ),
      logLevel: withDefault(env, "LOG_LEVEL", oneOf(LOG_LEVELS), "info"),
      tracing: readTracing(env),
      docs: withDefault(env, "DOCS", Switch, true),
      sessionFailureLimit: withDefault(
        env,
        "SESSION_FAILURE_LIMIT",
        integer(0, Number.MAX_SAFE_INTEGER, "an integer from 0"),
        600,
      ),
      trustedProxies: withDefault(env, "TRUSTED_PROXIES", Addresses, []),
    }),
    E.map((read) => ({
      ...read,
      console: read.gateway._tag === "LOG" && !isProduction(env),
    })),
  );

/**
 * The faults as text, one line each.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { isLeft } from "fp-ts/lib/Either.js";
 * import { makeContainer, renderFaults } from "sealtalk-misc/inversify";
 *
 * const wired = makeContainer({ PORT: "a lot" }, { serving: true });
 * assert.ok(isLeft(wired));
 * assert.match(renderFaults(wired.left), /^PORT: expected/);
 * ```
 */
export const renderFaults = (faults: ReadonlyArray<ConfigFault>): string =>
  faults.map(({ variable, message }) => `${variable}: ${message}`).join("\n");
