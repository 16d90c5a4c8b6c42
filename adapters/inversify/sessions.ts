import { createHash } from "node:crypto";
import { join } from "node:path";
import { pipe } from "fp-ts/lib/function.js";
import * as O from "fp-ts/lib/Option.js";
import * as TE from "fp-ts/lib/TaskEither.js";
import type { Bind } from "inversify";
import type { Config, LegacyCookieConfig, SessionConfig } from "../config/mod.ts";
import { type KeySet, readKeySet, readOrMakeSecret } from "../file/session-keys.ts";
import type { LegacyCookieOptions, TokenOptions } from "../session/mod.ts";
import { ConfigurationFault, opened } from "./opening.ts";
import { provide } from "./provide.ts";
import * as tokens from "./tokens.ts";

/** Binds who tells who asks, and who signs their tokens. */
export const bindSessions = (bind: Bind): void => {
  provide(bind, tokens.TOKEN_OPTIONS, [tokens.CONFIG], (config) =>
    opened(tokenOptions(config), (fault) => new ConfigurationFault(fault)),
  );
  provide(
    bind,
    tokens.SESSIONS,
    [tokens.CONFIG, tokens.TOKEN_OPTIONS],
    async ({ sessions }, options) => {
      const { makeSessions } = await import("../session/mod.ts");
      return makeSessions({
        ...options,
        cookie: sessions.cookie,
        ...(O.isSome(sessions.legacyCookie)
          ? { legacyCookie: legacyCookie(sessions.legacyCookie.value) }
          : {}),
      });
    },
  );
  provide(bind, tokens.SESSION_RISKS, [tokens.CONFIG], ({ sessions }) =>
    O.isSome(sessions.legacyCookie) ? [LEGACY_COOKIE_RISK] : [],
  );
  provide(
    bind,
    tokens.SIGN_TOKEN,
    [tokens.TOKEN_OPTIONS],
    async ({ secret, issuer, audience }): Promise<tokens.SignToken> => {
      const { signSession } = await import("../session/mod.ts");
      return (user, expiresAt) =>
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
            );
    },
  );
};

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
