/**
 * Environment to configuration.
 *
 * @module
 */
import { sequenceS } from "fp-ts/lib/Apply.js";
import * as E from "fp-ts/lib/Either.js";
import { pipe } from "fp-ts/lib/function.js";
import * as O from "fp-ts/lib/Option.js";
import {
  Addresses,
  BaseUrl,
  Count,
  Host,
  integer,
  NotBlank,
  Origins,
  oneOf,
  Switch,
} from "./codecs.ts";
import { type GatewayConfig, readGateway } from "./gateway.ts";
import { type MysqlConfig, readMysql } from "./mysql.ts";
import { readSessions, type SessionConfig } from "./sessions.ts";
import { readStore, type StoreConfig } from "./store.ts";
import {
  type ConfigChecks,
  type ConfigFault,
  type Env,
  faulty,
  isProduction,
  lookUp,
  optional,
  type Read,
  type Secret,
  secret,
  sideBySide,
  withDefault,
} from "./variables.ts";

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
    sequenceS(sideBySide)({
      endpoint: optional(env, "OTEL_EXPORTER_OTLP_ENDPOINT", BaseUrl),
      service: withDefault(env, "OTEL_SERVICE_NAME", NotBlank, "sealtalk-misc"),
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
    sequenceS(sideBySide)({
      host: withDefault(env, "HOST", Host, "127.0.0.1"),
      port: withDefault(env, "PORT", integer(0, 65_535, "a port from 0 to 65535"), 8585),
      dataDir: withDefault(env, "DATA_DIR", NotBlank, "./data"),
      store: readStore(env, checks),
      mysql: readMysql(env, checks),
      ids: readIds(env, checks),
      sessions: readSessions(env, checks),
      gateway: readGateway(env, checks),
      sendConcurrency: withDefault(env, "SEND_CONCURRENCY", Count, 64),
      releasesDir: optional(env, "RELEASES_DIR", NotBlank),
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
 * The faults as lines, one each.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { isLeft } from "fp-ts/lib/Either.js";
 * import { makeContainer, renderFaults } from "sealtalk-misc/inversify";
 *
 * const wired = makeContainer({ PORT: "a lot" }, { serving: true });
 * assert.ok(isLeft(wired));
 * assert.match(renderFaults(wired.left).join("\n"), /^PORT: expected/);
 * ```
 */
export const renderFaults = (faults: ReadonlyArray<ConfigFault>): ReadonlyArray<string> =>
  faults.map(({ variable, message }) => `${variable}: ${message}`);
