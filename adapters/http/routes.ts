import * as E from "fp-ts/lib/Either.js";
import { pipe } from "fp-ts/lib/function.js";
import * as O from "fp-ts/lib/Option.js";
import * as T from "fp-ts/lib/Task.js";
import * as TE from "fp-ts/lib/TaskEither.js";
import type * as t from "io-ts";
import type { DesktopRelease, Misc, MobileReleases, UserId } from "../../core/mod.ts";
import type { Sessions } from "../session/mod.ts";
import { authenticate, type FailureLimit, type RateLimit } from "./authentication.ts";
import { ConversationBody, readBody, SendMessageBody, SetScreenCaptureBody } from "./bodies.ts";
import { withDeadline } from "./deadline.ts";
import { errorResponse } from "./error-response.ts";
import type { HttpError } from "./errors.ts";
import { type HttpRequest, type HttpResponse, ok, respond } from "./messages.ts";
import { makeValidated } from "./validator.ts";

/** One row of the route table. HEAD is served where GET is, by whoever serves the table. */
export interface Route {
  readonly method: "GET" | "POST";
  readonly path: string;
  /** Answers whatever comes: an error is an answer too. */
  readonly answer: (request: HttpRequest) => T.Task<HttpResponse>;
}

/** What the routes of /misc work on. */
export interface MiscRouteOptions {
  readonly misc: Misc;
  readonly sessions: Sessions;
  /** How many POSTs a user may send; without it, any number. */
  readonly rateLimit?: RateLimit;
  /** How many sessions that do not verify an address may present; without it, any number. */
  readonly failureLimit?: FailureLimit;
  /**
   * How long whatever asks a store may take, once a POST's body has come, in milliseconds. With the
   * second that a session may take, and 0.3 for each of the two limits, an answer is there within 5.
   */
  readonly deadlineMs?: number;
  /** Puts something around the answers of each route, such as a span of a trace. */
  readonly instrument?: (route: Route) => Route;
}

/** The routes of /misc. */
export const miscRoutes = ({
  misc,
  sessions,
  rateLimit = () => T.of(O.none),
  failureLimit = UNLIMITED,
  deadlineMs = 3_300,
  instrument = (route) => route,
}: MiscRouteOptions): ReadonlyArray<Route> => {
  const desktop = makeValidated<DesktopRelease>((release) => release);
  const caller = authenticate(sessions, rateLimit, failureLimit);

  const post = <Body>(
    path: string,
    codec: t.Decoder<unknown, Body>,
    run: (input: Body & { readonly caller: UserId }) => TE.TaskEither<HttpError, unknown>,
  ): Route => {
    const bodyOf = readBody(codec);
    return {
      method: "POST",
      path,
      answer: (request) => async () => {
        const user = await caller(request)();
        if (E.isLeft(user)) {
          return errorResponse(user.left);
        }
        const body = await bodyOf(request)();
        const outcome = E.isLeft(body)
          ? body
          : await withDeadline(deadlineMs)(run({ ...body.right, caller: user.right }))();
        const answer = E.isLeft(outcome) ? errorResponse(outcome.left) : ok(outcome.right);
        return { ...answer, user: user.right };
      },
    };
  };

  const mobile = (path: string, bodyOf: (releases: MobileReleases) => unknown): Route => {
    const validated = makeValidated(bodyOf);
    return {
      method: "GET",
      path,
      answer:
        ({ header }) =>
        async () => {
          const releases = await misc.mobileVersions()();
          return E.isLeft(releases)
            ? errorResponse(releases.left)
            : validated(releases.right)(header("if-none-match"))();
        },
    };
  };

  const routes: ReadonlyArray<Route> = [
    {
      method: "GET",
      path: "/misc/latest_update",
      answer:
        ({ query, header }) =>
        async () => {
          const update = await misc.checkUpdate(versionIn(query()))();
          if (E.isLeft(update)) {
            return errorResponse(update.left);
          }
          return O.isNone(update.right)
            ? NOTHING_NEWER
            : desktop(update.right.value)(header("if-none-match"))();
        },
    },
    mobile("/misc/mobile_version", (result) => ({ code: 200, result })),
    mobile("/misc/client_version", (result) => result),
    {
      method: "GET",
      path: "/misc/demo_square",
      answer: () =>
        pipe(
          misc.demoSquare(),
          withDeadline(deadlineMs),
          TE.match(errorResponse, (result) => ok({ code: 200, result })),
        ),
    },
    post("/misc/send_message", SendMessageBody, (input) =>
      pipe(
        misc.sendMessage(input),
        TE.map(() => ({ code: "200" })),
      ),
    ),
    post("/misc/set_screen_capture", SetScreenCaptureBody, (input) =>
      pipe(
        misc.setScreenCapture(input),
        TE.map(() => ({ code: 200 })),
      ),
    ),
    post("/misc/get_screen_capture", ConversationBody, (input) =>
      pipe(
        misc.getScreenCapture(input),
        TE.map((status) => ({ code: 200, result: { status } })),
      ),
    ),
    post("/misc/send_sc_msg", ConversationBody, (input) =>
      pipe(
        misc.reportScreenCapture(input),
        TE.map(() => ({ code: 200 })),
      ),
    ),
  ];
  return routes.map(instrument);
};

const UNLIMITED: FailureLimit = { refusal: () => T.of(O.none), count: () => T.of(undefined) };

const NOTHING_NEWER = respond(204, {}, "");

// A `+` that a client did not encode arrives as a space, and a version holds no other.
const versionIn = (query: URLSearchParams): string => {
  const [version = "", ...more] = query.getAll("version");
  return more.length > 0 ? "" : version.replaceAll(" ", "+");
};
