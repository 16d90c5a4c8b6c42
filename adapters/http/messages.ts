import type { TaskEither } from "fp-ts/lib/TaskEither.js";
import type { UserId } from "../../core/mod.ts";
import type { HttpError, TransportError } from "./errors.ts";

/** A request, as far as the routes read it: a face finds out what a route asks for, and no more. */
export interface HttpRequest {
  readonly query: () => URLSearchParams;
  /** The value of a header by its lower-case name; several are joined as HTTP joins them. */
  readonly header: (name: string) => string | undefined;
  /** The client's network address, where that is known: whose failures count together. */
  readonly address: () => string | undefined;
  /**
   * The body's bytes, read at most once. `PAYLOAD_TOO_LARGE`: there are more than that, and the rest
   * is not read. `REQUEST_TIMEOUT`: they do not all come.
   */
  readonly body: (maxBytes: number) => TaskEither<TransportError, Uint8Array>;
}

/** An answer, whole. */
export interface HttpResponse {
  readonly status: number;
  /** By lower-case name: all but the length, the request's id, and what a face has to say. */
  readonly headers: Readonly<Record<string, string>>;
  /** Empty: no body. */
  readonly body: string;
  /** What went wrong, for the log: the client sees only what `body` says of it. */
  readonly error?: HttpError;
  /** Whose session it was, for the log: once that verified, and its user may ask. */
  readonly user?: UserId;
}

/**
 * Headers of every answer: it is data for who asked, never a page, a script or a part of one.
 */
export const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  "x-content-type-options": "nosniff",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "referrer-policy": "no-referrer",
};

/** An answer with the headers that every one has; its own come first. */
export const respond = (
  status: number,
  headers: HttpResponse["headers"],
  body: string,
): HttpResponse => ({ status, headers: { ...SECURITY_HEADERS, ...headers }, body });

const JSON_TYPE = "application/json; charset=utf-8";

/** A JSON answer. */
export const json = (
  status: number,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): HttpResponse => respond(status, { "content-type": JSON_TYPE, ...headers }, JSON.stringify(body));

/** The cache rule of every 200, and of the 304 in its place. */
export const PRIVATE: { readonly "cache-control": "private" } = { "cache-control": "private" };

/** A 200 that only its own client may keep. */
export const ok = (body: unknown): HttpResponse => ({
  status: 200,
  headers: OK_HEADERS,
  body: JSON.stringify(body),
});

const { headers: OK_HEADERS } = json(200, null, PRIVATE);
