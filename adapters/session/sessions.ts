import { parseCookie } from "cookie";
import * as E from "fp-ts/lib/Either.js";
import { pipe } from "fp-ts/lib/function.js";
import * as TE from "fp-ts/lib/TaskEither.js";
import type { StoreUnavailable, Unauthenticated, UserId } from "../../core/mod.ts";
import { makeVerifyToken, type TokenOptions } from "./token.ts";

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
 * - Several cookies of the session's name count if they are all the same. Otherwise nothing says
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
}

/**
 * Sessions that are JWTs, as a Bearer token or in a cookie: HS256 under the secret, or RS256, ES256
 * or EdDSA under the key set, never the one under the other's. `exp` is required, `sub` is the user,
 * `iss` and `aud` are checked if configured, and a token has 8 KiB at most.
 *
 * A key set at a URL is fetched within a second, kept for 10 minutes, and fetched anew for a key
 * that it does not have, half a minute after the last time at the earliest.
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
export const makeSessions = ({ cookie: name, ...options }: SessionOptions): Sessions => {
  const verifyToken = makeVerifyToken(options);
  return {
    verify: (credentials) =>
      pipe(
        TE.fromEither(presented(credentials, name)),
        TE.chainW(({ token, by }) =>
          pipe(
            verifyToken(token),
            TE.map((user): Session => ({ user, by })),
          ),
        ),
      ),
  };
};

interface Presented {
  readonly token: string;
  readonly by: Session["by"];
}

const BEARER = /^Bearer(?: +(.*))?$/is;

const presented = (
  { authorization, cookie }: Credentials,
  name: string,
): E.Either<Unauthenticated, Presented> => {
  const bearer = BEARER.exec(authorization ?? "");
  if (bearer !== null) {
    return E.right({ token: bearer[1] ?? "", by: "bearer" });
  }
  const [token, ...others] = new Set(cookiesNamed(name, cookie ?? ""));
  return token === undefined || others.length > 0
    ? E.left({ _tag: "UNAUTHENTICATED" })
    : E.right({ token, by: "cookie" });
};

// Pair by pair, since the parser keeps only the first of a name; as it stands, since a JWT holds
// nothing that a cookie would have to escape.
const cookiesNamed = (name: string, header: string): ReadonlyArray<string> =>
  header
    .split(";")
    .map((pair) => parseCookie(pair, { decode: (value) => value })[name])
    .filter((value) => value !== undefined);
