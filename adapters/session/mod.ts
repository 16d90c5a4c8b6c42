/**
 * Who is asking: sessions that are JSON Web Tokens, from the Authorization header or a cookie, and
 * the cookie of an existing SealTalk deployment.
 *
 * @module
 */
export type { LegacyCookieOptions } from "./legacy-cookie.ts";
export {
  type Credentials,
  makeSessions,
  type Session,
  type SessionOptions,
  type Sessions,
} from "./sessions.ts";
export { type SignSessionOptions, signSession, type TokenOptions } from "./token.ts";
