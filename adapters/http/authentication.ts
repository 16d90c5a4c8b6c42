import { pipe } from "fp-ts/lib/function.js";
import type { Option } from "fp-ts/lib/Option.js";
import * as O from "fp-ts/lib/Option.js";
import type { Task } from "fp-ts/lib/Task.js";
import * as T from "fp-ts/lib/Task.js";
import * as TE from "fp-ts/lib/TaskEither.js";
import type { UserId } from "../../core/domain/identity.ts";
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
  ({ header, address }: HttpRequest): TE.TaskEither<HttpError, UserId> =>
    pipe(
      verified(sessions, header),
      boundedBy(failureLimit, header, address),
      TE.chainFirst(({ user }) => allowing(rateLimit(user))),
      TE.filterOrElse(
        ({ by }) => isJson(header("content-type"), by) && isPlain(header("content-encoding")),
        (): HttpError => ({ _tag: "UNSUPPORTED_MEDIA_TYPE" }),
      ),
      TE.map(({ user }) => user),
    );

const verified = (
  sessions: Sessions,
  header: HttpRequest["header"],
): TE.TaskEither<HttpError, Session> =>
  sessions.verify({ authorization: header("authorization"), cookie: header("cookie") });

/** Who presents no session has not failed with one, and reaches nothing. */
const boundedBy =
  ({ refusal, count }: FailureLimit, header: HttpRequest["header"], address: string | undefined) =>
  (verifying: TE.TaskEither<HttpError, Session>): typeof verifying =>
    address === undefined || (header("authorization") ?? header("cookie")) === undefined
      ? verifying
      : pipe(
          allowing(refusal(address)),
          TE.chain(() => verifying),
          TE.orElseFirstTaskK(({ _tag }) =>
            _tag === "UNAUTHENTICATED" ? count(address) : T.of(undefined),
          ),
        );

const allowing = (refusal: Task<Option<number>>): TE.TaskEither<HttpError, void> =>
  pipe(
    TE.fromTask(refusal),
    TE.chain(
      O.match(
        () => TE.right(undefined),
        (retryAfter) => TE.left({ _tag: "RATE_LIMITED", retryAfter }),
      ),
    ),
  );

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
