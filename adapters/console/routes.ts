import { readFile } from "node:fs/promises";
import { pipe } from "fp-ts/lib/function.js";
import * as O from "fp-ts/lib/Option.js";
import * as T from "fp-ts/lib/Task.js";
import * as TE from "fp-ts/lib/TaskEither.js";
import * as t from "io-ts";
import { Id, type IdCodec, type RelationshipDirectory, type UserId } from "../../core/mod.ts";
import {
  assetRoutes,
  errorResponse,
  type HttpError,
  ok,
  type Route,
  readBody,
} from "../http/mod.ts";
import { isFromHere, isJson } from "./guard.ts";

/** What the console works on. */
export interface ConsoleOptions {
  readonly ids: IdCodec;
  /** `none`: who knows whom is in a database that is only read. */
  readonly directory: O.Option<RelationshipDirectory>;
  /** Signs a session until then, in milliseconds since the epoch, or says why it cannot. */
  readonly signToken: (user: UserId, expiresAt: number) => TE.TaskEither<string, string>;
  readonly now?: () => number;
}

/** A session's token, or why there is none. */
interface Session {
  readonly token?: string;
  readonly why?: string;
}

const NO_JSON = { _tag: "UNSUPPORTED_MEDIA_TYPE" } as const;

const SESSION_MS = 86_400_000;

const PAGE = new URL("./page/", import.meta.url);

const PAGE_FILES = [
  ["/console", "text/html; charset=utf-8", "index.html"],
  ["/console/console.js", "text/javascript; charset=utf-8", "console.js"],
  ["/console/calls.js", "text/javascript; charset=utf-8", "calls.js"],
  ["/console/texts.js", "text/javascript; charset=utf-8", "texts.js"],
  ["/console/console.css", "text/css; charset=utf-8", "console.css"],
  ["/console/icon.svg", "image/svg+xml", "icon.svg"],
] as const;

const OfUser = t.type({ user: Id }, "a JSON object");
const OfGroup = t.type({ group: Id }, "a JSON object");
const Pair = t.type({ user: Id, other: Id }, "a JSON object");
const Membership = t.type({ group: Id, user: Id }, "a JSON object");

/** The console's page, and what it asks of the server besides /misc. */
export const consoleRoutes = ({
  ids,
  directory,
  signToken,
  now = Date.now,
}: ConsoleOptions): ReadonlyArray<Route> => {
  const spelled = (id: Id): T.Task<{ readonly id: Id; readonly spelled: string }> =>
    pipe(
      ids.encode(id),
      TE.match(
        () => ({ id, spelled: "" }),
        (text) => ({ id, spelled: text }),
      ),
    );

  const post = <Body>(
    path: string,
    codec: t.Decoder<unknown, Body>,
    run: (body: Body) => TE.TaskEither<HttpError, unknown>,
  ): Route => ({
    method: "POST",
    path,
    answer: (request) =>
      pipe(
        isJson(request.header) ? readBody(codec)(request) : TE.left(NO_JSON),
        TE.chainW(run),
        TE.match(errorResponse, ok),
      ),
  });

  /** Asks the directory, if there is one. */
  const known = <A, B>(
    ask: (from: RelationshipDirectory) => TE.TaskEither<HttpError, A>,
    tell: (answer: A) => T.Task<B>,
  ): TE.TaskEither<HttpError, unknown> =>
    pipe(
      directory,
      O.match(
        () => TE.right<HttpError, unknown>({ directory: false }),
        (from) =>
          pipe(
            ask(from),
            TE.chainTaskK(tell),
            TE.map((people) => ({ directory: true, people })),
          ),
      ),
    );

  const all = T.traverseArray(spelled);
  const nothing = (): T.Task<undefined> => T.of(undefined);

  const routes: ReadonlyArray<Route> = [
    ...assetRoutes(
      PAGE_FILES.map(([path, contentType, file]) => ({
        path,
        contentType,
        read: () => readFile(new URL(file, PAGE), "utf8"),
      })),
    ),
    post("/console/session", OfUser, ({ user }) =>
      pipe(
        signToken(user, now() + SESSION_MS),
        TE.match(
          (why): Session => ({ why }),
          (token) => ({ token }),
        ),
        T.chain((session) =>
          pipe(
            spelled(user),
            T.map((who) => ({ ...who, ...session })),
          ),
        ),
        TE.fromTask,
      ),
    ),
    post("/console/friends", OfUser, ({ user }) => known((from) => from.friendsOf(user), all)),
    post("/console/members", OfGroup, ({ group }) => known((from) => from.membersOf(group), all)),
    post("/console/befriend", Pair, ({ user, other }) =>
      known((to) => to.addFriends([[user, other]]), nothing),
    ),
    post("/console/join", Membership, ({ group, user }) =>
      known((to) => to.addMembers(group, [user]), nothing),
    ),
    post("/console/group", OfGroup, ({ group }) => TE.fromTask(spelled(group))),
  ];
  return routes.map((route) => ({
    ...route,
    answer: (request) =>
      isFromHere(request.header)
        ? route.answer(request)
        : T.of(errorResponse({ _tag: "NOT_FOUND" })),
  }));
};
