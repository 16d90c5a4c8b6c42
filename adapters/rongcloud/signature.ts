const NONCE_BYTES = 8;

/** The headers that sign one attempt. */
export interface SignatureHeaders {
  readonly "App-Key": string;
  readonly Nonce: string;
  readonly Timestamp: string;
  readonly Signature: string;
}

/** A nonce that was not used before: 16 of RongCloud's 18 characters. */
export const makeNonce = (): string => hex(crypto.getRandomValues(new Uint8Array(NONCE_BYTES)));

/**
 * Signs one attempt: the lower-case hexadecimal SHA-1 of secret, nonce and timestamp. `now` is in
 * milliseconds since the epoch; RongCloud's documentation wants milliseconds too, and every SDK of
 * its own sends seconds, as this does.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { sign } from "sealtalk-misc/rongcloud";
 *
 * const key = { appKey: "key", appSecret: "secret" };
 * const headers = await sign(key, { nonce: "14314", now: 1408706337000 });
 * assert.equal(headers.Timestamp, "1408706337");
 * assert.match(headers.Signature, /^[0-9a-f]{40}$/);
 * ```
 */
export const sign = async (
  { appKey, appSecret }: { readonly appKey: string; readonly appSecret: string },
  { nonce, now }: { readonly nonce: string; readonly now: number },
): Promise<SignatureHeaders> => {
  const timestamp = String(Math.floor(now / 1_000));
  const text = new TextEncoder().encode(appSecret + nonce + timestamp);
  return {
    "App-Key": appKey,
    Nonce: nonce,
    Timestamp: timestamp,
    Signature: hex(new Uint8Array(await crypto.subtle.digest("SHA-1", text))),
  };
};

const hex = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
