import * as E from "fp-ts/lib/Either.js";
import { pipe } from "fp-ts/lib/function.js";
import * as J from "fp-ts/lib/Json.js";
import * as O from "fp-ts/lib/Option.js";
import * as t from "io-ts";

/** What came of one attempt to ask RongCloud. */
export type Reply =
  | {
      readonly _tag: "ANSWERED";
      readonly status: number;
      readonly body: string;
      /** Seconds, from Retry-After. */
      readonly retryAfter?: number;
    }
  /** It failed before the request was written. */
  | { readonly _tag: "UNSENT"; readonly cause: string }
  /** It failed afterwards, or nobody knows when. */
  | { readonly _tag: "UNANSWERED"; readonly cause: string };

/** What an attempt means for the message. */
export type Verdict =
  | { readonly _tag: "DELIVERED" }
  /** RongCloud said no: see `GatewayRejected` for the cure. */
  | { readonly _tag: "REJECTED"; readonly gatewayCode: number; readonly cure: "operator" | "none" }
  /** It was not delivered, and may be: by another host at once, or by any later. */
  | {
      readonly _tag: "AGAIN";
      readonly where: "another host" | "later";
      readonly cause: string;
      readonly retryAfter?: number;
    }
  /** It may have been delivered. */
  | { readonly _tag: "AMBIGUOUS"; readonly cause: string };

const Body = t.type({ code: t.number });

const SUCCESS = 200;
const RATE_LIMIT = 1008;
const AMBIGUOUS: ReadonlySet<number> = new Set([1000, 1050]);
/** The codes that say no to the application, whatever it sends: the operator has the cure. */
export const OPERATOR: ReadonlySet<number> = new Set([1001, 1004, 1006, 1007, 1009]);
const TOO_MANY_REQUESTS = 429;
const TOO_LARGE: ReadonlySet<number> = new Set([413, 414, 431]);

/**
 * Reads what came of an attempt by RongCloud's table of codes. An answer without a code is not
 * RongCloud's word, but a proxy's or half of one: only an error of ours is final, until the
 * operator has looked at what stands between; what is too large for it always is.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { classify } from "sealtalk-misc/rongcloud";
 *
 * assert.deepEqual(classify({ _tag: "ANSWERED", status: 401, body: '{"code":1004}' }), {
 *   _tag: "REJECTED",
 *   gatewayCode: 1004,
 *   cure: "operator",
 * });
 * ```
 */
export const classify = (reply: Reply): Verdict => {
  switch (reply._tag) {
    case "UNSENT":
      return { _tag: "AGAIN", where: "another host", cause: reply.cause };
    case "UNANSWERED":
      return { _tag: "AMBIGUOUS", cause: reply.cause };
    case "ANSWERED":
      return pipe(
        codeIn(reply.body),
        O.match(
          () => byStatus(reply),
          (code) => byCode(code, reply),
        ),
      );
  }
};

type Answered = Extract<Reply, { readonly _tag: "ANSWERED" }>;

const codeIn = (body: string): O.Option<number> =>
  pipe(
    J.parse(body),
    E.chainW(Body.decode),
    O.fromEither,
    O.map(({ code }) => code),
  );

const byCode = (code: number, reply: Answered): Verdict => {
  if (code === SUCCESS && reply.status === SUCCESS) {
    return { _tag: "DELIVERED" };
  }
  if (code === RATE_LIMIT || reply.status === TOO_MANY_REQUESTS) {
    return later(reply);
  }
  if (OPERATOR.has(code)) {
    return { _tag: "REJECTED", gatewayCode: code, cure: "operator" };
  }
  return AMBIGUOUS.has(code) || reply.status >= 500 || code === SUCCESS
    ? { _tag: "AMBIGUOUS", cause: `RongCloud answered ${reply.status} with code ${code}` }
    : { _tag: "REJECTED", gatewayCode: code, cure: "none" };
};

const byStatus = (reply: Answered): Verdict => {
  if (reply.status === TOO_MANY_REQUESTS) {
    return later(reply);
  }
  return reply.status >= 400 && reply.status < 500
    ? {
        _tag: "REJECTED",
        gatewayCode: reply.status,
        cure: TOO_LARGE.has(reply.status) ? "none" : "operator",
      }
    : { _tag: "AMBIGUOUS", cause: `${reply.status} without RongCloud's code` };
};

const later = ({ retryAfter }: Answered): Verdict => ({
  _tag: "AGAIN",
  where: "later",
  cause: "rate limit",
  ...(retryAfter === undefined ? {} : { retryAfter }),
});

// The calls that precede a request. By its code alone EHOSTUNREACH or ETIMEDOUT may also have met
// a request that was on its way.
const BEFORE_THE_REQUEST: ReadonlySet<unknown> = new Set(["connect", "getaddrinfo"]);

// Of the faults of TLS only those of the handshake: a damaged record, say, comes later.
const UNSENT_CODES =
  /^(ECONNREFUSED|ENOTFOUND|EAI_\w+|EADDRNOTAVAIL|UND_ERR_CONNECT_TIMEOUT|ConnectionRefused|FailedToOpenSocket|ERR_TLS_HANDSHAKE_TIMEOUT|ERR_SSL_(WRONG_VERSION_NUMBER|UNSUPPORTED_PROTOCOL|\w+_(HANDSHAKE_FAILURE|PROTOCOL_VERSION|UNRECOGNIZED_NAME))|\w*CERT\w*|UNABLE_TO_\w+)$/;

const UNSENT_MESSAGES = ["client error (Connect)", "before secure TLS connection was established"];

/**
 * What a rejected `fetch` tells of the request. Node and Bun give a code, Node also the call that
 * failed; Deno says in its message that it was the connecting, Node that it was the handshake.
 */
export const replyOfFault = (fault: unknown): Reply => {
  const chain = causes(fault);
  const cause = chain
    .map(({ message }) => message)
    .filter((message) => message !== "")
    .join(": ");
  return { _tag: chain.some(precedesRequest) ? "UNSENT" : "UNANSWERED", cause };
};

const precedesRequest = (error: Error): boolean =>
  ("syscall" in error && BEFORE_THE_REQUEST.has(error.syscall)) ||
  ("code" in error && UNSENT_CODES.test(String(error.code))) ||
  UNSENT_MESSAGES.some((message) => error.message.includes(message));

/** An error and what caused it; several if a host has several addresses and none connects. */
const causes = (fault: unknown): ReadonlyArray<Error> =>
  fault instanceof Error
    ? [
        fault,
        ...causes(fault.cause),
        ...(fault instanceof AggregateError ? fault.errors.flatMap(causes) : []),
      ]
    : [];
