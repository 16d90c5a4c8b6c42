import * as E from "fp-ts/lib/Either.js";
import type { Option } from "fp-ts/lib/Option.js";
import * as O from "fp-ts/lib/Option.js";
import type { Task } from "fp-ts/lib/Task.js";
import type { TaskEither } from "fp-ts/lib/TaskEither.js";
import type { UserId } from "../../core/mod.ts";
import type { Session, Sessions } from "../session/mod.ts";
import type { HttpError } from "./errors.ts";
import type { HttpRequest } from "./messages.ts";

/** Counts a request against a user; answers with the seconds to wait if it is one too many. */
export type RateLimit = (user: UserId) => Task<Option<number>>;

/** Bounds how many sessions that do not verify an address may present. */
export interface FailureLimit {
  /** The seconds until the address may present a session again, if it has to wait. */
  readonly refusal: (address: string) => Task<Option<number>>;
  readonly count: (address: string) => Task<void>;
}

const JSON_MEDIA = /^application\/(?:[\w.+-]+\+)?json$/;
const UTF_8 = /^\s*charset\s*=\s*"?utf-?8"?\s*$/i;

/**
 * Who sends this request, once their session verifies, their limit allows it, and its media type
 * is one that we read. A form can be posted across sites with the user's cookie, and so can a
 * request without a type: such a session may send `application/json` alone.
 */
export const authenticate =
  (sessions: Sessions, rateLimit: RateLimit, failureLimit: FailureLimit) =>
  (request: HttpRequest): TaskEither<HttpError, UserId> =>
  async () => {
    const { header } = request;
    const verified = await verify(sessions, failureLimit, request);
    if (E.isLeft(verified)) {
      return verified;
    }
    const { user, by } = verified.right;
    const wait = await rateLimit(user)();
    if (O.isSome(wait)) {
      return limited(wait.value);
    }
    return isJson(header("content-type"), by) && isPlain(header("content-encoding"))
      ? E.right(user)
      : E.left({ _tag: "UNSUPPORTED_MEDIA_TYPE" });
  };

/** Who presents no session has not failed with one, and reaches nothing: their address does not count. */
const verify = async (
  sessions: Sessions,
  { refusal, count }: FailureLimit,
  { header, address }: HttpRequest,
): Promise<E.Either<HttpError, Session>> => {
  const credentials = { authorization: header("authorization"), cookie: header("cookie") };
  const from =
    (credentials.authorization ?? credentials.cookie) === undefined ? undefined : address();
  if (from === undefined) {
    return sessions.verify(credentials)();
  }
  const wait = await refusal(from)();
  if (O.isSome(wait)) {
    return limited(wait.value);
  }
  const verified = await sessions.verify(credentials)();
  if (E.isLeft(verified) && verified.left._tag === "UNAUTHENTICATED") {
    await count(from)();
  }
  return verified;
};

const limited = (retryAfter: number): E.Either<HttpError, never> =>
  E.left({ _tag: "RATE_LIMITED", retryAfter });

const isJson = (contentType: string | undefined, by: Session["by"]): boolean => {
  if (contentType === undefined) {
    return by === "bearer";
  }
  const [media = "", ...parameters] = contentType.split(";");
  const type = media.trim().toLowerCase();
  return (
    (type === "application/json" || (by === "bearer" && JSON_MEDIA.test(type))) &&
    parameters.every((parameter) => !/^\s*charset\b/i.test(parameter) || UTF_8.test(parameter))
  );
};

const isPlain = (contentEncoding: string | undefined): boolean =>
  contentEncoding === undefined || contentEncoding.trim().toLowerCase() === "identity";
