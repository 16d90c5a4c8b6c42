/**
 * The session cookie of an existing SealTalk deployment: the hex of AES-256-CTR over
 * `salt|userId|issuedAt`, all under one key and one counter. Nothing authenticates it.
 *
 * @module
 */
import * as E from "fp-ts/lib/Either.js";
import { pipe } from "fp-ts/lib/function.js";
import * as O from "fp-ts/lib/Option.js";
import * as TE from "fp-ts/lib/TaskEither.js";
import { Id, type Unauthenticated, type UserId } from "../../core/mod.ts";

/** The cookie that an existing SealTalk deployment signs its users in with. */
export interface LegacyCookieOptions {
  readonly name: string;
  /** The password that the deployment's servers share. */
  readonly password: string;
  /** How old a cookie may be, in milliseconds: it has no end of its own. */
  readonly maxAgeMs: number;
  /** The MD5 digest, 16 bytes: what the key comes from, and what the web's own crypto has not. */
  readonly md5: (bytes: Uint8Array) => Uint8Array;
}

/** Tells whom a cookie names, which is not to say that it was made for them. */
export type ReadLegacyCookie = (value: string) => TE.TaskEither<Unauthenticated, UserId>;

const KEY_BYTES = 32;
const COUNTER_BYTES = 16;
const DIGEST_BYTES = 16;

const HIGHEST_USER = 4_294_967_295;
const MOST_AHEAD_MS = 5 * 60_000;

const TEXT = /^\d{4}\|([1-9]\d{0,9})\|(0|[1-9]\d{0,15})$/;

// As many bytes as the shortest and the longest text that could be one.
const HEX = /^(?:[0-9a-f]{2}){8,32}$/;

/** Makes the reader of one deployment's cookies; see `makeSessions`. */
export const makeReadLegacyCookie = (
  { password, maxAgeMs, md5 }: LegacyCookieOptions,
  now: () => number = Date.now,
): ReadLegacyCookie => {
  const { key, counter } = deriveKey(password, md5);
  const imported = crypto.subtle.importKey("raw", key, "AES-CTR", false, ["decrypt"]);
  const decrypt = async (bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array> =>
    new Uint8Array(
      await crypto.subtle.decrypt({ name: "AES-CTR", counter, length: 128 }, await imported, bytes),
    );
  return (value) =>
    pipe(
      bytesOf(value),
      TE.fromOption((): Unauthenticated => ({ _tag: "UNAUTHENTICATED" })),
      TE.chainTaskK((bytes) => () => decrypt(bytes)),
      TE.chainEitherK((bytes) =>
        pipe(
          userIn(textOf(bytes), now(), maxAgeMs),
          E.fromOption((): Unauthenticated => ({ _tag: "UNAUTHENTICATED" })),
        ),
      ),
    );
};

interface DerivedKey {
  readonly key: Uint8Array<ArrayBuffer>;
  readonly counter: Uint8Array<ArrayBuffer>;
}

/** OpenSSL's EVP_BytesToKey: one round of MD5, no salt, each block the digest of the last and the password. */
const deriveKey = (password: string, md5: LegacyCookieOptions["md5"]): DerivedKey => {
  const secret = new TextEncoder().encode(password);
  let block = new Uint8Array();
  let derived = new Uint8Array();
  while (derived.length < KEY_BYTES + COUNTER_BYTES) {
    block = joined(md5(joined(block, secret)));
    if (block.length !== DIGEST_BYTES) {
      throw new RangeError(`An MD5 digest has ${DIGEST_BYTES} bytes`);
    }
    derived = joined(derived, block);
  }
  return {
    key: derived.slice(0, KEY_BYTES),
    counter: derived.slice(KEY_BYTES, KEY_BYTES + COUNTER_BYTES),
  };
};

const joined = (...parts: ReadonlyArray<Uint8Array>): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(parts.flatMap((part) => [...part]));

const bytesOf = (value: string): O.Option<Uint8Array<ArrayBuffer>> =>
  HEX.test(value)
    ? O.some(Uint8Array.from(value.match(/../g) ?? [], (byte) => Number.parseInt(byte, 16)))
    : O.none;

// A character a byte, since what counts is ASCII: UTF-8 would let a byte order mark through.
const textOf = (bytes: Uint8Array): string => String.fromCharCode(...bytes);

const userIn = (text: string, now: number, maxAgeMs: number): O.Option<UserId> => {
  const [, user, issuedAt] = TEXT.exec(text) ?? [];
  const age = now - Number(issuedAt);
  return pipe(
    O.fromNullable(user),
    O.filter((id) => Number(id) <= HIGHEST_USER),
    O.filter(() => age <= maxAgeMs && age >= -MOST_AHEAD_MS),
    O.filter(Id.is),
  );
};
