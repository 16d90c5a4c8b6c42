import { parseCookie } from "cookie";
import * as E from "fp-ts/lib/Either.js";
import { pipe } from "fp-ts/lib/function.js";
import * as O from "fp-ts/lib/Option.js";
import * as TE from "fp-ts/lib/TaskEither.js";
import type { StoreUnavailable, Unauthenticated, UserId } from "../../core/mod.ts";
import { type LegacyCookieOptions, makeReadLegacyCookie } from "./legacy-cookie.ts";
import { makeVerifyToken, type TokenOptions, type VerifyToken } from "./token.ts";

/** The two headers that can say who is asking, as they came. */
export interface Credentials {
  readonly authorization: string | undefined;
  readonly cookie: string | undefined;
}

/** Who is asking, and how they said so. */
export interface Session {
  readonly user: UserId;
  readonly by: "bearer" | "cookie";
}

/**
 * Tells who is asking.
 *
 * - A Bearer token stands for itself: if it does not verify, no cookie is looked at.
 * - Any other Authorization scheme is ignored.
 * - The session's cookie stands for itself too: an existing deployment's is looked at only where there is none.
 * - Several cookies of one name count if they are all the same. Otherwise nothing says
 *   which of them this site has set (a sibling domain can set one too), and none counts.
 * - `STORE_UNAVAILABLE`: the keys to check the token with could not be had.
 */
export interface Sessions {
  readonly verify: (
    credentials: Credentials,
  ) => TE.TaskEither<Unauthenticated | StoreUnavailable, Session>;
}

/** What sessions are checked against. */
export interface SessionOptions extends TokenOptions {
  /** The name of the session's cookie. */
  readonly cookie: string;
  /**
   * The cookie of an existing SealTalk deployment, to be taken too, so that nobody is signed out when
   * it moves. Whoever holds one valid cookie can change it and become another user.
   */
  readonly legacyCookie?: LegacyCookieOptions;
}

/**
 * Sessions that are JWTs, as a Bearer token or in a cookie: HS256 under the secret, or RS256, ES256
 * or EdDSA under the key set, never the one under the other's. `exp` is required, `sub` is the user,
 * `iss` and `aud` are checked if configured, and a token has 8 KiB at most.
 *
 * A key set at a URL is fetched within a second, kept for 10 minutes, and fetched anew for a key
 * that it does not have, half a minute after the last time at the earliest.
 *
 * A token that verified is taken for five seconds more without another look, but not beyond its end.
 *
 * With `legacyCookie`, also the cookie of an existing SealTalk deployment.
 *
 * A secret under 32 bytes is a RangeError.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { left } from "fp-ts/lib/Either.js";
 * import { makeSessions } from "sealtalk-misc/session";
 *
 * const secret = crypto.getRandomValues(new Uint8Array(32));
 * const sessions = makeSessions({ secret, cookie: "sealtalk_session" });
 * assert.deepEqual(
 *   await sessions.verify({ authorization: "Bearer abc", cookie: undefined })(),
 *   left({ _tag: "UNAUTHENTICATED" }),
 * );
 * ```
 */
export const makeSessions = ({ cookie, legacyCookie, ...options }: SessionOptions): Sessions => {
  const verifyToken = makeVerifyToken(options);
  const sources: ReadonlyArray<Source> = [
    { by: "bearer", find: ({ authorization }) => bearerIn(authorization), verify: verifyToken },
    { by: "cookie", find: cookieNamed(cookie), verify: verifyToken },
    ...(legacyCookie === undefined
      ? []
      : [
          {
            by: "cookie",
            find: cookieNamed(legacyCookie.name),
            verify: makeReadLegacyCookie(legacyCookie, options.now),
          } as const,
        ]),
  ];
  return {
    verify: (credentials) => {
      for (const { find, verify, by } of sources) {
        const presented = find(credentials);
        if (O.isSome(presented)) {
          return pipe(
            presented.value,
            E.match((refused): ReturnType<VerifyToken> => TE.left(refused), verify),
            TE.map((user): Session => ({ user, by })),
          );
        }
      }
      return TE.left(UNAUTHENTICATED);
    },
  };
};

/** What a request presents: one text, or several of which none counts. */
type Presented = E.Either<Unauthenticated, string>;

/** One way to say who is asking. The first that a request uses decides. */
interface Source {
  readonly by: Session["by"];
  readonly find: (credentials: Credentials) => O.Option<Presented>;
  readonly verify: VerifyToken;
}

const UNAUTHENTICATED: Unauthenticated = { _tag: "UNAUTHENTICATED" };

const BEARER = /^Bearer(?: +(.*))?$/is;

const bearerIn = (authorization = ""): O.Option<Presented> =>
  pipe(
    O.fromNullable(BEARER.exec(authorization)),
    O.map(([, token = ""]) => E.right(token)),
  );

const cookieNamed =
  (name: string) =>
  ({ cookie = "" }: Credentials): O.Option<Presented> => {
    const [value, ...others] = new Set(cookiesNamed(name, cookie));
    return pipe(
      O.fromNullable(value),
      O.map((only) => (others.length > 0 ? E.left(UNAUTHENTICATED) : E.right(only))),
    );
  };

// Pair by pair, since the parser keeps only the first of a name; as it stands, since neither a JWT
// nor hex holds anything that a cookie would have to escape.
const cookiesNamed = (name: string, header: string): ReadonlyArray<string> =>
  header
    .split(";")
    .map((pair) => parseCookie(pair, { decode: (value) => value })[name])
    .filter((value) => value !== undefined);
