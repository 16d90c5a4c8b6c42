import { sequenceS } from "fp-ts/lib/Apply.js";
import * as E from "fp-ts/lib/Either.js";
import { pipe } from "fp-ts/lib/function.js";
import * as O from "fp-ts/lib/Option.js";
import { integer, list, NotBlank, oneOf, textLike, url } from "./codecs.ts";
import {
  type ConfigChecks,
  type Env,
  faulty,
  isProduction,
  isSet,
  isSetTo,
  optional,
  type Read,
  type Secret,
  secret,
  sideBySide,
  withDefault,
} from "./variables.ts";

/** Where settings, notices and relationships are kept. */
export type StoreConfig =
  | { readonly _tag: "SQLITE" }
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

const STORES = ["sqlite", "redis", "memory"] as const;

const readStoreKind = (env: Env, { serving }: ConfigChecks): Read<(typeof STORES)[number]> =>
  pipe(
    withDefault(env, "STORE", oneOf(STORES), "sqlite"),
    E.chain((store) =>
      store === "memory" && serving && isProduction(env)
        ? faulty("STORE", "expected a store that outlives the process, in production")
        : E.right(store),
    ),
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

export const readStore = (env: Env, checks: ConfigChecks): Read<StoreConfig> =>
  pipe(
    sequenceS(sideBySide)({
      kind: readStoreKind(env, checks),
      urls: readRedisUrls(env),
      prefix: withDefault(env, "REDIS_PREFIX", RedisPrefix, "sealtalk-misc:"),
      sentinel: optional(env, "REDIS_SENTINEL", NotBlank),
      sentinelPassword: optional(env, "REDIS_SENTINEL_PASSWORD", NotBlank),
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
        case "sqlite":
          return { _tag: "SQLITE" };
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
