import { pipe } from "fp-ts/lib/function.js";
import type { Task } from "fp-ts/lib/Task.js";
import * as TE from "fp-ts/lib/TaskEither.js";
import type { JSONWebKeySet, JWTVerifyGetKey, JWTVerifyOptions, JWTVerifyResult } from "jose";
import * as base64url from "jose/base64url";
import * as errors from "jose/errors";
import { createLocalJWKSet } from "jose/jwks/local";
import { createRemoteJWKSet } from "jose/jwks/remote";
import { SignJWT } from "jose/jwt/sign";
import { jwtVerify } from "jose/jwt/verify";
import {
  Id,
  type StoreUnavailable,
  storeUnavailable,
  type Unauthenticated,
  type UserId,
} from "../../core/mod.ts";
import { rememberVerified, type Verify } from "./remembered.ts";

/** What a token is checked against. */
export interface TokenOptions {
  /** The secret of HS256 tokens, 32 bytes or more. Without it there are none. */
  readonly secret?: Uint8Array;
  /** The public keys of RS256, ES256 and EdDSA tokens, or where they are. Without it there are none. */
  readonly jwks?: JSONWebKeySet | URL;
  /** What `iss` must be, if anything. */
  readonly issuer?: string;
  /** What `aud` must be or hold, if anything. */
  readonly audience?: string;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
}

/** What goes into a signed session. */
export interface SignSessionOptions {
  /** 32 bytes or more. */
  readonly secret: Uint8Array;
  readonly user: UserId;
  /** Milliseconds since the epoch; the token has it in whole seconds, rounded down. */
  readonly expiresAt: number;
  readonly issuer?: string;
  readonly audience?: string;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
}

/** Tells whose a token is. */
export type VerifyToken = (
  token: string,
) => TE.TaskEither<Unauthenticated | StoreUnavailable, UserId>;

const LONGEST_TOKEN = 8 * 1024;
const SHORTEST_SECRET = 32;
const KEY_SET_TIMEOUT_MS = 1_000;

const SECRET_ALGORITHM = "HS256";
const PUBLIC_ALGORITHMS = ["RS256", "ES256", "EdDSA"];

const unauthenticated: Unauthenticated = { _tag: "UNAUTHENTICATED" };

/** The check of one token; see `makeSessions`. */
export const makeVerifyToken = (options: TokenOptions): VerifyToken =>
  rememberVerified(makeVerify(options), options.now);

const makeVerify = ({ secret, jwks, issuer, audience, now = Date.now }: TokenOptions): Verify => {
  if (secret !== undefined) {
    assertLongEnough(secret);
  }
  const keyOf = keyResolver(secret, jwks);
  const options = (): JWTVerifyOptions => ({
    algorithms: [
      ...(secret === undefined ? [] : [SECRET_ALGORITHM]),
      ...(jwks === undefined ? [] : PUBLIC_ALGORITHMS),
    ],
    requiredClaims: ["exp", "sub"],
    currentDate: new Date(now()),
    ...(issuer === undefined ? {} : { issuer }),
    ...(audience === undefined ? {} : { audience }),
  });
  return (token) =>
    token.length > LONGEST_TOKEN || !isSpelledOneWay(token)
      ? TE.left(unauthenticated)
      : pipe(
          TE.tryCatch(() => verifyWithAnyKey(token, keyOf, options()), whoseFault),
          TE.chainW(({ payload: { sub, exp } }) =>
            Id.is(sub) && exp !== undefined
              ? TE.right({ user: sub, expiresAt: exp * 1_000 })
              : TE.left(unauthenticated),
          ),
        );
};

/**
 * Signs a session token for a user: an HS256 JWT, which `makeSessions` takes under the same secret,
 * issuer and audience. A secret under 32 bytes is a RangeError.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { right } from "fp-ts/lib/Either.js";
 * import { Id } from "sealtalk-misc";
 * import { makeSessions, signSession } from "sealtalk-misc/session";
 *
 * const secret = crypto.getRandomValues(new Uint8Array(32));
 * const sessions = makeSessions({ secret, cookie: "sealtalk_session" });
 * for (const user of ["42"].filter(Id.is)) {
 *   const token = await signSession({ secret, user, expiresAt: Date.now() + 60_000 })();
 *   const cookie = `sealtalk_session=${token}`;
 *   assert.deepEqual(
 *     await sessions.verify({ authorization: undefined, cookie })(),
 *     right({ user: "42", by: "cookie" }),
 *   );
 * }
 * ```
 */
export const signSession = ({
  secret,
  user,
  expiresAt,
  issuer,
  audience,
  now = Date.now,
}: SignSessionOptions): Task<string> => {
  assertLongEnough(secret);
  return () =>
    new SignJWT({
      sub: user,
      iat: seconds(now()),
      exp: seconds(expiresAt),
      ...(issuer === undefined ? {} : { iss: issuer }),
      ...(audience === undefined ? {} : { aud: audience }),
    })
      .setProtectedHeader({ alg: SECRET_ALGORITHM, typ: "JWT" })
      .sign(secret);
};

const seconds = (milliseconds: number): number => Math.floor(milliseconds / 1_000);

const assertLongEnough = (secret: Uint8Array): void => {
  if (secret.byteLength < SHORTEST_SECRET) {
    throw new RangeError(`The session secret has fewer than ${SHORTEST_SECRET} bytes`);
  }
};

// The signature covers the text of the header and of the claims, but not its own: its last character
// has bits that no byte takes. One token, one spelling.
const isSpelledOneWay = (token: string): boolean => {
  const signature = token.slice(token.lastIndexOf(".") + 1);
  try {
    return base64url.encode(base64url.decode(signature)) === signature;
  } catch {
    return false;
  }
};

const keyResolver = (
  secret: Uint8Array | undefined,
  jwks: JSONWebKeySet | URL | undefined,
): JWTVerifyGetKey => {
  const keySet = jwks === undefined ? undefined : keySetOf(jwks);
  return (header, token) => {
    const key = header.alg === SECRET_ALGORITHM ? secret : keySet?.(header, token);
    if (key === undefined) {
      throw new errors.JOSEAlgNotAllowed();
    }
    return key;
  };
};

const keySetOf = (jwks: JSONWebKeySet | URL): JWTVerifyGetKey =>
  jwks instanceof URL
    ? sparing(createRemoteJWKSet(jwks, { timeoutDuration: KEY_SET_TIMEOUT_MS }))
    : createLocalJWKSet(jwks);

/** How long it is believed that the key set cannot be had, in milliseconds. */
const AWAY_MS = 1_000;

// Else each token would be another connection to who cannot give the keys, and anybody can make tokens.
const sparing = (keyOf: JWTVerifyGetKey): JWTVerifyGetKey => {
  let failed: { readonly at: number; readonly error: unknown } | undefined;
  return async (header, token) => {
    if (failed !== undefined && performance.now() - failed.at < AWAY_MS) {
      throw failed.error;
    }
    try {
      return await keyOf(header, token);
    } catch (error) {
      if (!isFaultOfToken(error)) {
        failed = { at: performance.now(), error };
      }
      throw error;
    }
  };
};

// A token without a key id can be for any key of its type.
const verifyWithAnyKey = async (
  token: string,
  keyOf: JWTVerifyGetKey,
  options: JWTVerifyOptions,
): Promise<JWTVerifyResult> => {
  try {
    return await jwtVerify(token, keyOf, options);
  } catch (error) {
    if (!(error instanceof errors.JWKSMultipleMatchingKeys)) {
      throw error;
    }
    for await (const key of error) {
      try {
        return await jwtVerify(token, key, options);
      } catch (attempt) {
        if (!(attempt instanceof errors.JWSSignatureVerificationFailed)) {
          throw attempt;
        }
      }
    }
    throw new errors.JWSSignatureVerificationFailed();
  }
};

const FAULTS_OF_A_TOKEN: ReadonlySet<string> = new Set([
  errors.JOSEAlgNotAllowed.code,
  errors.JOSENotSupported.code,
  errors.JWKSNoMatchingKey.code,
  errors.JWSInvalid.code,
  errors.JWSSignatureVerificationFailed.code,
  errors.JWTClaimValidationFailed.code,
  errors.JWTExpired.code,
  errors.JWTInvalid.code,
]);

// One that fits several keys is no fault at all: each of them is tried.
const isFaultOfToken = (error: unknown): boolean =>
  error instanceof errors.JWKSMultipleMatchingKeys ||
  (error instanceof errors.JOSEError && FAULTS_OF_A_TOKEN.has(error.code));

const whoseFault = (error: unknown): Unauthenticated | StoreUnavailable =>
  isFaultOfToken(error)
    ? unauthenticated
    : storeUnavailable(`key set: ${error instanceof Error ? error.message : String(error)}`);
