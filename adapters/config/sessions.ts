import { sequenceS } from "fp-ts/lib/Apply.js";
import * as E from "fp-ts/lib/Either.js";
import { pipe } from "fp-ts/lib/function.js";
import * as O from "fp-ts/lib/Option.js";
import * as t from "io-ts";
import { CookieName, integer, isLoopback, NotBlank, parsed, textLike, url } from "./codecs.ts";
import {
  bothOrNeither,
  type ConfigChecks,
  type Env,
  faulty,
  isProduction,
  isSet,
  optional,
  type Read,
  type Secret,
  secret,
  sideBySide,
  withDefault,
} from "./variables.ts";

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

const SessionKey = textLike(
  "at least 32 bytes",
  (text) => new TextEncoder().encode(text).length >= 32,
);

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
          O.filter(NotBlank.is),
          O.map((path) => ({ _tag: "FILE", path })),
        ),
);

const LEGACY_NAME = "LEGACY_COOKIE_NAME";
const LEGACY_KEY = "LEGACY_COOKIE_KEY";

const readLegacyCookie = (env: Env): Read<O.Option<LegacyCookieConfig>> =>
  pipe(
    sequenceS(sideBySide)({
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

export const readSessions = (env: Env, checks: ConfigChecks): Read<SessionConfig> =>
  pipe(
    sequenceS(sideBySide)({
      secret: pipe(
        optional(env, "SESSION_SECRET", SessionKey),
        E.chain(sessionSecret(env, checks)),
      ),
      jwks: optional(env, "SESSION_JWKS", Jwks),
      issuer: optional(env, "SESSION_ISSUER", NotBlank),
      audience: optional(env, "SESSION_AUDIENCE", NotBlank),
      cookie: withDefault(env, "SESSION_COOKIE", CookieName, "sealtalk_session"),
      legacyCookie: readLegacyCookie(env),
    }),
    E.chain(differ),
  );
