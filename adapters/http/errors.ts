import type { MiscError } from "../../core/mod.ts";

/** What can go wrong with a request before it reaches a use case, and faults of our own. */
export type TransportError =
  | { readonly _tag: "NOT_FOUND" }
  | { readonly _tag: "METHOD_NOT_ALLOWED"; readonly allow: string }
  | { readonly _tag: "REQUEST_TIMEOUT" }
  | { readonly _tag: "PAYLOAD_TOO_LARGE" }
  | { readonly _tag: "UNSUPPORTED_MEDIA_TYPE" }
  | { readonly _tag: "RATE_LIMITED"; readonly retryAfter: number }
  | { readonly _tag: "INTERNAL_ERROR"; readonly cause: string };

/** Everything that an HTTP answer can report. */
export type HttpError = MiscError | TransportError;

/** A body may have 128 KiB at most. */
export const MAX_BODY_BYTES: number = 128 * 1024;
