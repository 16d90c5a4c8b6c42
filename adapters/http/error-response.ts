import type { HttpError } from "./errors.ts";
import { type HttpResponse, json } from "./messages.ts";

const STATUS: Readonly<Record<HttpError["_tag"], number>> = {
  INVALID_VERSION: 400,
  INVALID_INPUT: 400,
  UNAUTHENTICATED: 401,
  NOT_FRIENDS: 403,
  NOT_A_MEMBER: 403,
  UNSUPPORTED_CONVERSATION_TYPE: 403,
  NOT_FOUND: 404,
  METHOD_NOT_ALLOWED: 405,
  REQUEST_TIMEOUT: 408,
  PAYLOAD_TOO_LARGE: 413,
  UNSUPPORTED_MEDIA_TYPE: 415,
  RATE_LIMITED: 429,
  INTERNAL_ERROR: 500,
  GATEWAY_REJECTED: 502,
  GATEWAY_UNAVAILABLE: 503,
  STORE_UNAVAILABLE: 503,
  VERSIONS_UNAVAILABLE: 503,
};

/** Seconds after which a client may ask again what was unavailable. */
const RETRY_AFTER = 1;

/** The answer that reports an error: its status, its tag, and one sentence for a developer. */
export const errorResponse = (
  error: HttpError,
  details: Readonly<Record<string, unknown>> = {},
): HttpResponse => {
  const status = STATUS[error._tag];
  const body = { code: status, error: error._tag, message: sentence(error), ...details };
  return {
    ...json(
      status,
      error._tag === "GATEWAY_REJECTED" ? { ...body, gatewayCode: error.gatewayCode } : body,
      headersOf(error),
    ),
    error,
  };
};

const headersOf = (error: HttpError): Readonly<Record<string, string>> => {
  switch (error._tag) {
    case "METHOD_NOT_ALLOWED":
      return { allow: error.allow };
    case "UNAUTHENTICATED":
      return { "www-authenticate": "Bearer" };
    case "RATE_LIMITED":
      return { "retry-after": String(error.retryAfter) };
    case "GATEWAY_UNAVAILABLE":
      return { "retry-after": String(error.retryAfter ?? RETRY_AFTER) };
    case "STORE_UNAVAILABLE":
    case "VERSIONS_UNAVAILABLE":
      return { "retry-after": String(RETRY_AFTER) };
    default:
      return {};
  }
};

const SENTENCES: Readonly<Record<Exclude<HttpError["_tag"], "INVALID_INPUT">, string>> = {
  INVALID_VERSION: "version: expected one semantic version, such as 1.0.0.",
  UNAUTHENTICATED: "A valid session is needed.",
  NOT_FRIENDS: "The target is not a friend of the caller.",
  NOT_A_MEMBER: "The caller is not in this group.",
  UNSUPPORTED_CONVERSATION_TYPE: "Only private conversations and groups are served.",
  NOT_FOUND: "There is nothing here.",
  METHOD_NOT_ALLOWED: "This path does not serve that method.",
  REQUEST_TIMEOUT: "The request did not arrive in time.",
  PAYLOAD_TOO_LARGE: "A body may have 128 KiB at most.",
  UNSUPPORTED_MEDIA_TYPE: "The body must be application/json in UTF-8.",
  RATE_LIMITED: "Too many requests; wait as long as Retry-After says.",
  INTERNAL_ERROR: "The server made a mistake.",
  GATEWAY_REJECTED: "The message was refused; gatewayCode says why.",
  GATEWAY_UNAVAILABLE:
    "The message gateway took nothing in time; wait as long as Retry-After says.",
  STORE_UNAVAILABLE: "The store did not answer in time.",
  VERSIONS_UNAVAILABLE: "The current versions are not known at the moment.",
};

const sentence = (error: HttpError): string =>
  error._tag === "INVALID_INPUT"
    ? `${error.field}: expected ${error.expected}.`
    : SENTENCES[error._tag];
