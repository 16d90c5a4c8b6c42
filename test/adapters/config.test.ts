import { inspect } from "node:util";
import * as E from "fp-ts/lib/Either.js";
import * as O from "fp-ts/lib/Option.js";
import { type Config, readConfig, renderFaults } from "../../adapters/config/mod.ts";
import { test } from "../support/test.ts";

type Env = Readonly<Record<string, string>>;

const SECRET = "0123456789abcdef0123456789abcdef";

const MYSQL_URL = "mysql://misc:hidden@db.example/sealtalk";

const checks = {
  serving: true,
  n3dKeyFault: (key: string) => (key === "good-n3d-key" ? undefined : "a longer key"),
  mysqlUrlFault: (url: string) => (url === MYSQL_URL ? undefined : "a database"),
};

const config = (env: Env): Config => {
  const read = readConfig(env, checks);
  if (E.isLeft(read)) {
    throw new Error(renderFaults(read.left).join("\n"));
  }
  return read.right;
};

const faults = (env: Env): ReadonlyArray<string> => {
  const read = readConfig(env, checks);
  return E.isLeft(read) ? renderFaults(read.left) : [];
};

const variables = (env: Env): ReadonlyArray<string> =>
  faults(env).map((line) => line.slice(0, line.indexOf(":")));

const DEFAULTS = {
  host: "127.0.0.1",
  port: 8585,
  dataDir: "./data",
  store: { _tag: "SQLITE" },
  mysql: O.none,
  ids: { _tag: "PLAIN" },
  sessions: {
    secret: { _tag: "GENERATED" },
    jwks: O.none,
    issuer: O.none,
    audience: O.none,
    cookie: "sealtalk_session",
    legacyCookie: O.none,
  },
  gateway: { _tag: "LOG" },
  sendConcurrency: 64,
  releasesDir: O.none,
  corsOrigins: [],
  rateLimit: 60,
  logLevel: "info",
  tracing: O.none,
  console: true,
  docs: true,
  sessionFailureLimit: 600,
  trustedProxies: [],
} as const;

test("readConfig() has a default for everything", (t) => {
  t.deepEqual(config({}), DEFAULTS);
});

test("readConfig() takes an empty variable for an unset one", (t) => {
  const names = [
    "HOST PORT DATA_DIR STORE REDIS_URL REDIS_PREFIX REDIS_SENTINEL REDIS_SENTINEL_PASSWORD",
    "REDIS_MIN_REPLICAS REDIS_TIMEOUT_MS MYSQL_URL RELATIONSHIP_CACHE_SECONDS N3D_KEY SESSION_SECRET SESSION_JWKS",
    "SESSION_ISSUER SESSION_AUDIENCE SESSION_COOKIE LEGACY_COOKIE_NAME LEGACY_COOKIE_KEY",
    "LEGACY_COOKIE_MAX_AGE_DAYS RONGCLOUD_APP_KEY RONGCLOUD_APP_SECRET RONGCLOUD_API",
    "RONGCLOUD_PRIVATE_PER_MINUTE RONGCLOUD_GROUP_PER_SECOND RONGCLOUD_MSG_RANDOM SEND_CONCURRENCY",
    "MESSAGE_GATEWAY RELEASES_DIR CORS_ORIGINS RATE_LIMIT LOG_LEVEL NODE_ENV DOCS SESSION_FAILURE_LIMIT",
    "TRUSTED_PROXIES OTEL_EXPORTER_OTLP_ENDPOINT OTEL_SERVICE_NAME",
  ].flatMap((line) => line.split(" "));
  t.deepEqual(config(Object.fromEntries(names.map((name) => [name, ""]))), DEFAULTS);
});

for (const [env, part] of [
  [{ HOST: "::" }, { host: "::" }],
  [{ PORT: "0" }, { port: 0 }],
  [{ PORT: "65535" }, { port: 65_535 }],
  [{ DATA_DIR: "/var/lib/misc" }, { dataDir: "/var/lib/misc" }],
  [{ STORE: "sqlite" }, { store: { _tag: "SQLITE" } }],
  [{ STORE: "memory" }, { store: { _tag: "MEMORY" } }],
  [
    { SESSION_ISSUER: "https://id.example" },
    { sessions: { issuer: O.some("https://id.example") } },
  ],
  [{ SESSION_AUDIENCE: "misc" }, { sessions: { audience: O.some("misc") } }],
  [{ SESSION_COOKIE: "sid" }, { sessions: { cookie: "sid" } }],
  [
    { SESSION_JWKS: "/etc/jwks.json" },
    { sessions: { jwks: O.some({ _tag: "FILE", path: "/etc/jwks.json" }) } },
  ],
  [
    { SESSION_JWKS: "https://id.example/jwks" },
    { sessions: { jwks: O.some({ _tag: "URL", url: "https://id.example/jwks" }) } },
  ],
  [
    { SESSION_JWKS: "http://127.0.0.1:8080/jwks" },
    { sessions: { jwks: O.some({ _tag: "URL", url: "http://127.0.0.1:8080/jwks" }) } },
  ],
  [
    { SESSION_JWKS: "http://[::1]/jwks" },
    { sessions: { jwks: O.some({ _tag: "URL", url: "http://[::1]/jwks" }) } },
  ],
  [{ RELEASES_DIR: "/srv/releases" }, { releasesDir: O.some("/srv/releases") }],
  [{ MESSAGE_GATEWAY: "log" }, { gateway: { _tag: "LOG" } }],
  [
    { MESSAGE_GATEWAY: "log", RONGCLOUD_APP_KEY: "key", RONGCLOUD_APP_SECRET: "secret" },
    { gateway: { _tag: "LOG" } },
  ],
  [
    { CORS_ORIGINS: "https://a.example, http://localhost:3000,capacitor://localhost" },
    { corsOrigins: ["https://a.example", "http://localhost:3000", "capacitor://localhost"] },
  ],
  [{ RATE_LIMIT: "0" }, { rateLimit: 0 }],
  [{ LOG_LEVEL: "silent" }, { logLevel: "silent" }],
  [{ DOCS: "0" }, { docs: false }],
  [{ NODE_ENV: "production", MESSAGE_GATEWAY: "log", SESSION_SECRET: SECRET }, { console: false }],
  [{ NODE_ENV: "Production", MESSAGE_GATEWAY: "log", SESSION_SECRET: SECRET }, { console: false }],
  [{ RONGCLOUD_APP_KEY: "key", RONGCLOUD_APP_SECRET: "secret" }, { console: false }],
  [{ SESSION_FAILURE_LIMIT: "0" }, { sessionFailureLimit: 0 }],
  [
    { TRUSTED_PROXIES: "127.0.0.1, 10.0.0.0/8,::1" },
    { trustedProxies: ["127.0.0.1", "10.0.0.0/8", "::1"] },
  ],
  [
    { OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:4318/" },
    { tracing: O.some({ endpoint: "http://127.0.0.1:4318", service: "sealtalk-misc" }) },
  ],
  [{ REDIS_URL: "redis://a:6379,redis://b/" }, { store: { _tag: "SQLITE" } }],
  [{ REDIS_PREFIX: "misc:" }, { store: { _tag: "SQLITE" } }],
  [{ RELATIONSHIP_CACHE_SECONDS: "3600" }, { mysql: O.none }],
  [{ LEGACY_COOKIE_MAX_AGE_DAYS: "7" }, { store: { _tag: "SQLITE" } }],
] as const) {
  test(`readConfig() takes ${inspect(env, { breakLength: Infinity })}`, (t) => {
    t.like(config(env), part);
  });
}

for (const [env, message] of [
  [{ HOST: "http://a.example" }, "expected a host name or an address"],
  [{ HOST: " " }, "expected a host name or an address"],
  [{ PORT: "65536" }, "expected a port from 0 to 65535"],
  [{ DOCS: "no" }, "expected 0 or 1"],
  [{ SESSION_FAILURE_LIMIT: "-1" }, "expected an integer from 0"],
  [
    { TRUSTED_PROXIES: "10.0.0.0/33" },
    "expected addresses or ranges (10.0.0.0/8), comma-separated",
  ],
  [{ TRUSTED_PROXIES: "0.0.0.0/0" }, "expected addresses or ranges (10.0.0.0/8), comma-separated"],
  [{ TRUSTED_PROXIES: "10.0.0.256" }, "expected addresses or ranges (10.0.0.0/8), comma-separated"],
  [{ TRUSTED_PROXIES: "nginx" }, "expected addresses or ranges (10.0.0.0/8), comma-separated"],
  [
    { OTEL_EXPORTER_OTLP_ENDPOINT: "collector:4318" },
    "expected an absolute http or https URL without a query",
  ],
  [{ PORT: "-1" }, "expected a port from 0 to 65535"],
  [{ PORT: "80.5" }, "expected a port from 0 to 65535"],
  [{ PORT: "1e3" }, "expected a port from 0 to 65535"],
  [{ PORT: " 80" }, "expected a port from 0 to 65535"],
  [{ DATA_DIR: " " }, "expected a text that is not blank"],
  [{ STORE: "postgres" }, "expected one of sqlite, redis, memory"],
  [{ STORE: "SQLITE" }, "expected one of sqlite, redis, memory"],
  [{ REDIS_URL: "http://a.example" }, "expected redis:// or rediss:// URLs, comma-separated"],
  [{ REDIS_URL: "redis://a,b:6379" }, "expected redis:// or rediss:// URLs, comma-separated"],
  [{ REDIS_URL: "redis:///3" }, "expected redis:// or rediss:// URLs, comma-separated"],
  ...["redis://u:100%@a", "redis://%zz:p@a", "redis://a,redis://:%@a"].map(
    (url) => [{ REDIS_URL: url }, "expected user and password percent-encoded"] as const,
  ),
  ...["redis://a?db=3", "redis://a/3#x", "redis://a/?", "redis://a,redis://b#"].map(
    (url) => [{ REDIS_URL: url }, "expected URLs without a query and a fragment"] as const,
  ),
  ...["redis://a/abc", "redis://a/3/", "redis://a/-1", "redis://a/1e3", "redis://a/%31"].map(
    (url) =>
      [{ REDIS_URL: url }, "expected nothing behind a host but the number of a database"] as const,
  ),
  ...["redis://a/1,redis://b", "redis://a,redis://b/1", "redis://a/1,redis://b/1"].map(
    (url) =>
      [
        { REDIS_URL: url },
        "expected no database with several URLs, unless REDIS_SENTINEL is set: a Cluster has but one",
      ] as const,
  ),
  ...[
    "redis://a,rediss://b",
    "redis://u:p@a,redis://b",
    "redis://u:p@a,redis://u:q@b",
    "redis://u:p@a,redis://v:p@b",
  ].map(
    (url) =>
      [
        { REDIS_URL: url },
        "expected the same scheme, user, password and database in all URLs",
      ] as const,
  ),
  [{ REDIS_PREFIX: " " }, "expected a text without braces"],
  [{ REDIS_PREFIX: "{misc}" }, "expected a text without braces"],
  [{ REDIS_SENTINEL: " " }, "expected a text that is not blank"],
  [{ REDIS_SENTINEL_PASSWORD: " " }, "expected a text that is not blank"],
  [{ REDIS_MIN_REPLICAS: "-1" }, "expected an integer from 0"],
  [{ REDIS_TIMEOUT_MS: "2001" }, "expected an integer from 50 to 2000"],
  [{ MYSQL_URL: "redis://a" }, "expected a database"],
  [{ RELATIONSHIP_CACHE_SECONDS: "-1" }, "expected an integer from 0 to 3600"],
  [{ RELATIONSHIP_CACHE_SECONDS: "3601" }, "expected an integer from 0 to 3600"],
  [{ N3D_KEY: "key" }, "expected a longer key"],
  [{ SESSION_SECRET: SECRET.slice(1) }, "expected at least 32 bytes"],
  [{ SESSION_ISSUER: " " }, "expected a text that is not blank"],
  [{ SESSION_AUDIENCE: " " }, "expected a text that is not blank"],
  [{ SESSION_COOKIE: "a b" }, "expected a cookie's name"],
  [{ SESSION_COOKIE: "a=b" }, "expected a cookie's name"],
  [{ LEGACY_COOKIE_MAX_AGE_DAYS: "0" }, "expected a number of days above 0"],
  [{ LEGACY_COOKIE_MAX_AGE_DAYS: "x" }, "expected a number of days above 0"],
  [{ RONGCLOUD_API: "api.rong-api.com" }, undefined],
  [{ RONGCLOUD_API: "https://a.example,,https://b.example" }, undefined],
  [{ RONGCLOUD_API: "ftp://a.example" }, undefined],
  [{ RONGCLOUD_API: "https://a.example/?x=1" }, undefined],
  [{ RONGCLOUD_API: "https://u:p@a.example" }, undefined],
  [{ RONGCLOUD_PRIVATE_PER_MINUTE: "0" }, "expected an integer from 1"],
  [{ RONGCLOUD_GROUP_PER_SECOND: "2.5" }, "expected an integer from 1"],
  [{ RONGCLOUD_MSG_RANDOM: "yes" }, "expected 0 or 1"],
  [{ SEND_CONCURRENCY: "0" }, "expected an integer from 1"],
  [{ MESSAGE_GATEWAY: "smtp" }, "expected one of rongcloud, log"],
  [
    { MESSAGE_GATEWAY: "rongcloud" },
    "expected RONGCLOUD_APP_KEY and RONGCLOUD_APP_SECRET to be set with it",
  ],
  [{ RELEASES_DIR: "\t" }, "expected a text that is not blank"],
  [{ SESSION_JWKS: "http://id.example/jwks" }, undefined],
  [{ SESSION_JWKS: "http://127.0.0.1.evil.example/jwks" }, undefined],
  [{ SESSION_JWKS: "http://localhost.evil.example/jwks" }, undefined],
  [{ SESSION_JWKS: "file:///etc/jwks.json" }, undefined],
  [{ SESSION_JWKS: "https://u:p@id.example/jwks" }, undefined],
  [{ SESSION_JWKS: "https://" }, undefined],
  [{ CORS_ORIGINS: "*" }, undefined],
  [{ CORS_ORIGINS: "null" }, undefined],
  [{ CORS_ORIGINS: "https://*.a.example" }, undefined],
  [{ CORS_ORIGINS: "https://a.example/" }, undefined],
  [{ CORS_ORIGINS: "https://a.example/app" }, undefined],
  [{ CORS_ORIGINS: "https://a.example,b.example" }, undefined],
  [{ CORS_ORIGINS: "https://u@a.example" }, undefined],
  [{ RATE_LIMIT: "-1" }, "expected an integer from 0"],
  [{ RATE_LIMIT: "1.5" }, "expected an integer from 0"],
  [{ RATE_LIMIT: "9".repeat(17) }, "expected an integer from 0"],
  [{ LOG_LEVEL: "verbose" }, "expected one of fatal, error, warn, info, debug, trace, silent"],
  [{ LOG_LEVEL: "constructor" }, "expected one of fatal, error, warn, info, debug, trace, silent"],
] as const) {
  const [[variable, value] = ["", ""]] = Object.entries<string>(env);
  test(`readConfig() refuses ${variable}=${JSON.stringify(value)}`, (t) => {
    t.deepEqual(variables(env), [variable]);
    t.true(message === undefined || faults(env)[0] === `${variable}: ${message}`);
  });
}

for (const [env, expected] of [
  [{ STORE: "redis" }, ["REDIS_URL"]],
  [{ STORE: "redis", REDIS_URL: "a" }, ["REDIS_URL"]],
  [{ REDIS_SENTINEL: "s", REDIS_URL: "redis://a/1,redis://b/2" }, ["REDIS_URL"]],
  [{ RONGCLOUD_APP_KEY: "key" }, ["RONGCLOUD_APP_SECRET"]],
  [{ RONGCLOUD_APP_SECRET: "secret" }, ["RONGCLOUD_APP_KEY"]],
  [{ RONGCLOUD_APP_KEY: "key", MESSAGE_GATEWAY: "rongcloud" }, ["RONGCLOUD_APP_SECRET"]],
  [{ LEGACY_COOKIE_KEY: "key" }, ["LEGACY_COOKIE_NAME"]],
  [{ LEGACY_COOKIE_NAME: "rong" }, ["LEGACY_COOKIE_KEY"]],
  [{ LEGACY_COOKIE_NAME: "a b" }, ["LEGACY_COOKIE_NAME", "LEGACY_COOKIE_KEY"]],
  [{ LEGACY_COOKIE_NAME: "a b", LEGACY_COOKIE_KEY: "key" }, ["LEGACY_COOKIE_NAME"]],
  [{ LEGACY_COOKIE_NAME: "rong", LEGACY_COOKIE_KEY: " " }, ["LEGACY_COOKIE_KEY"]],
  [{ LEGACY_COOKIE_NAME: "sealtalk_session", LEGACY_COOKIE_KEY: "key" }, ["LEGACY_COOKIE_NAME"]],
  [
    { LEGACY_COOKIE_NAME: "sid", LEGACY_COOKIE_KEY: "key", SESSION_COOKIE: "sid" },
    ["LEGACY_COOKIE_NAME"],
  ],
  [
    { NODE_ENV: "production", MESSAGE_GATEWAY: "log", LEGACY_COOKIE_NAME: "rong" },
    ["LEGACY_COOKIE_KEY"],
  ],
  [{ NODE_ENV: "production", STORE: "memory" }, ["STORE", "SESSION_SECRET", "RONGCLOUD_APP_KEY"]],
  [{ NODE_ENV: "production", SESSION_SECRET: SECRET }, ["RONGCLOUD_APP_KEY"]],
  [{ NODE_ENV: "production", MESSAGE_GATEWAY: "log" }, ["SESSION_SECRET"]],
  [
    { NODE_ENV: "production", MESSAGE_GATEWAY: "rongcloud", SESSION_SECRET: SECRET },
    ["MESSAGE_GATEWAY"],
  ],
  [{ NODE_ENV: "production", MESSAGE_GATEWAY: "log", SESSION_SECRET: "short" }, ["SESSION_SECRET"]],
  [
    { NODE_ENV: "production", MESSAGE_GATEWAY: "log", SESSION_JWKS: "http://a.example" },
    ["SESSION_JWKS"],
  ],
] as const) {
  test(`readConfig() names what is wrong with ${inspect(env, { breakLength: Infinity })}`, (t) => {
    t.deepEqual<ReadonlyArray<string>, ReadonlyArray<string>>(variables(env), expected);
  });
}

test("readConfig() reads an existing deployment's cookie, and how old one may be", (t) => {
  const env = { LEGACY_COOKIE_NAME: "rong_auth_cookie", LEGACY_COOKIE_KEY: "cookiekey" };
  for (const [more, maxAgeDays] of [
    [{}, 30],
    [{ LEGACY_COOKIE_MAX_AGE_DAYS: "7" }, 7],
  ] as const) {
    const { legacyCookie } = config({ ...env, ...more }).sessions;
    t.like(legacyCookie, { value: { name: "rong_auth_cookie", maxAgeDays } });
    t.is(O.isSome(legacyCookie) && legacyCookie.value.key.reveal(), "cookiekey");
  }
});

test("readConfig() reports everything at once, and never a value", (t) => {
  const env = {
    HOST: "s3cret host",
    PORT: "s3cret",
    STORE: "s3cret",
    REDIS_URL: "s3cret",
    REDIS_MIN_REPLICAS: "s3cret",
    MYSQL_URL: "s3cret",
    RELATIONSHIP_CACHE_SECONDS: "s3cret",
    N3D_KEY: "s3cret",
    SESSION_SECRET: "s3cret",
    SESSION_JWKS: "http://s3cret.example",
    SESSION_COOKIE: "s3cret;",
    LEGACY_COOKIE_NAME: "s3cret;",
    LEGACY_COOKIE_KEY: "s3cret",
    LEGACY_COOKIE_MAX_AGE_DAYS: "s3cret",
    RONGCLOUD_APP_KEY: "s3cret",
    RONGCLOUD_API: "s3cret",
    RONGCLOUD_PRIVATE_PER_MINUTE: "s3cret",
    RONGCLOUD_GROUP_PER_SECOND: "s3cret",
    RONGCLOUD_MSG_RANDOM: "s3cret",
    SEND_CONCURRENCY: "s3cret",
    MESSAGE_GATEWAY: "s3cret",
    CORS_ORIGINS: "s3cret",
    RATE_LIMIT: "s3cret",
    LOG_LEVEL: "s3cret",
    NODE_ENV: "production",
  };
  const wrong: ReadonlyArray<string> = [
    ...Object.keys(env).filter(
      (name) => !["NODE_ENV", "RONGCLOUD_APP_KEY", "LEGACY_COOKIE_KEY"].includes(name),
    ),
    "RONGCLOUD_APP_SECRET",
  ];
  t.deepEqual([...new Set(variables(env))].sort(), [...wrong].sort());
  t.false(faults(env).join().includes("s3cret"));
});

test("readConfig() never tells what a URL of Redis holds", (t) => {
  for (const url of [
    "http://s3cret",
    "redis://s3cret:%@a",
    "redis://a?s3cret",
    "redis://a/s3cret",
    "redis://s3cret@a,redis://b",
  ]) {
    t.deepEqual(variables({ REDIS_URL: url }), ["REDIS_URL"]);
    t.false(faults({ REDIS_URL: url }).join().includes("s3cret"));
  }
});

test("readConfig() starts in production with a secret and keys", (t) => {
  const { sessions, gateway } = config({
    NODE_ENV: "production",
    SESSION_SECRET: SECRET,
    RONGCLOUD_APP_KEY: "app-key",
    RONGCLOUD_APP_SECRET: "app-secret",
  });
  t.is(sessions.secret._tag === "GIVEN" && sessions.secret.secret.reveal(), SECRET);
  t.true(gateway._tag === "RONGCLOUD" && gateway.appSecret.reveal() === "app-secret");
  t.like(gateway, {
    _tag: "RONGCLOUD",
    appKey: "app-key",
    hosts: O.none,
    privatePerMinute: 6_000,
    groupPerSecond: 20,
    msgRandom: false,
  });
});

test("readConfig() starts in production with keys from elsewhere, and then makes no secret", (t) => {
  const { sessions } = config({
    NODE_ENV: "production",
    SESSION_JWKS: "https://id.example/jwks",
    MESSAGE_GATEWAY: "log",
  });
  t.deepEqual(sessions.secret, { _tag: "NONE" });
});

test("readConfig() starts in production with an existing deployment's cookie alone", (t) => {
  const { sessions } = config({
    NODE_ENV: "production",
    LEGACY_COOKIE_NAME: "rong_auth_cookie",
    LEGACY_COOKIE_KEY: "cookiekey",
    MESSAGE_GATEWAY: "log",
  });
  t.deepEqual(sessions.secret, { _tag: "NONE" });
  t.true(O.isSome(sessions.legacyCookie));
});

test("readConfig() counts a secret in bytes of UTF-8", (t) => {
  t.is(config({ SESSION_SECRET: "密".repeat(11) }).sessions.secret._tag, "GIVEN");
  t.deepEqual(variables({ SESSION_SECRET: "密".repeat(10) }), ["SESSION_SECRET"]);
});

test("readConfig() reads RongCloud's limits, and whether it refuses repeats", (t) => {
  const { gateway, sendConcurrency } = config({
    RONGCLOUD_APP_KEY: "app-key",
    RONGCLOUD_APP_SECRET: "app-secret",
    RONGCLOUD_PRIVATE_PER_MINUTE: "12000",
    RONGCLOUD_GROUP_PER_SECOND: "40",
    RONGCLOUD_MSG_RANDOM: "1",
    SEND_CONCURRENCY: "8",
  });
  t.like(gateway, { privatePerMinute: 12_000, groupPerSecond: 40, msgRandom: true });
  t.is(sendConcurrency, 8);
});

test("readConfig() reads the hosts in their order, without the slash at the end", (t) => {
  const { gateway } = config({
    RONGCLOUD_APP_KEY: "app-key",
    RONGCLOUD_APP_SECRET: "app-secret",
    RONGCLOUD_API: "https://b.example/, http://a.example:8080/base/",
  });
  t.like(gateway, { hosts: O.some(["https://b.example", "http://a.example:8080/base"]) });
});

test("readConfig() reads where Redis is, and shows its password to nobody by accident", (t) => {
  const { store } = config({
    STORE: "redis",
    REDIS_URL: "rediss://u:hidden@a:6380/3, rediss://u:hidden@b/3",
    REDIS_PREFIX: "misc:",
    REDIS_SENTINEL: "mymaster",
    REDIS_SENTINEL_PASSWORD: "hidden too",
    REDIS_MIN_REPLICAS: "2",
    REDIS_TIMEOUT_MS: "500",
  });
  t.like(store, {
    _tag: "REDIS",
    prefix: "misc:",
    minReplicas: 2,
    commandMs: 500,
    sentinel: O.some("mymaster"),
  });
  t.deepEqual(store._tag === "REDIS" ? store.urls.reveal() : [], [
    "rediss://u:hidden@a:6380/3",
    "rediss://u:hidden@b/3",
  ]);
  t.notRegex(inspect(store, { depth: null, showHidden: true }), /hidden/);
});

test("readConfig() reads where an existing database is, and shows it to nobody by accident", (t) => {
  const { mysql } = config({ MYSQL_URL });
  t.true(O.isSome(mysql) && mysql.value.url.reveal() === MYSQL_URL);
  t.true(O.isSome(mysql) && mysql.value.cacheSeconds === 0);
  t.notRegex(inspect(mysql, { depth: null, showHidden: true }), /hidden/);
  t.like(config({ MYSQL_URL, RELATIONSHIP_CACHE_SECONDS: "30" }), {
    mysql: { value: { cacheSeconds: 30 } },
  });
});

test("readConfig() hides secrets from whoever prints the configuration", (t) => {
  const read = config({
    SESSION_SECRET: SECRET,
    N3D_KEY: "good-n3d-key",
    LEGACY_COOKIE_NAME: "rong_auth_cookie",
    LEGACY_COOKIE_KEY: "good-cookie-key",
    RONGCLOUD_APP_KEY: "app-key",
    RONGCLOUD_APP_SECRET: "app-secret",
  });
  t.true(read.ids._tag === "N3D" && read.ids.key.reveal() === "good-n3d-key");
  for (const printed of [JSON.stringify(read), inspect(read, { depth: null, showHidden: true })]) {
    t.false(
      [SECRET, "good-n3d-key", "good-cookie-key", "app-secret"].some((hidden) =>
        printed.includes(hidden),
      ),
    );
  }
});

test("readConfig() asks for what production needs only where a server is to be run", (t) => {
  const env = { NODE_ENV: "production", STORE: "memory" };
  const read = readConfig(env, { ...checks, serving: false });
  t.like(read, { _tag: "Right", right: { sessions: { secret: { _tag: "NONE" } } } });
});
