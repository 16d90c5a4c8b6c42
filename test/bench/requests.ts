/** What is asked of each route, by whom, and who has to know whom for it. */
import { pipe } from "fp-ts/lib/function.js";
import * as TE from "fp-ts/lib/TaskEither.js";
import { signSession } from "../../adapters/session/mod.ts";
import type { UserId } from "../../core/domain/identity.ts";
import type { RelationshipDirectory } from "../../core/ports/relationships.ts";
import { id } from "../contract/expect.ts";

export type Headers = Readonly<Record<string, string>>;

/** Requests to one route, over and over. */
export interface Load {
  readonly name: string;
  readonly method: "GET" | "POST";
  readonly path: string;
  /** Sent in turn; shared out among the connections if there are many. None: a GET. */
  readonly bodies: ReadonlyArray<string>;
  /** The least that a server on Redis has to do for it. */
  readonly command?: readonly [string, ...string[]];
}

/** Who asks. */
export const CALLER: UserId = id("1");
const FRIEND = id("2");
const SECRET = "a secret of more than thirty-two bytes";
const HOUR_MS = 3_600_000;

/** How many conversations the spread loads are spread over. */
export const CONVERSATIONS = 1_000;

const numbers = Array.from({ length: CONVERSATIONS / 2 }, (_, index) => index);
const friends = numbers.map((number) => id(`friend-${number}`));
const groups = numbers.map((number) => id(`group-${number}`));

const targets = [
  ...friends.map((targetId) => ({ conversationType: 1, targetId })),
  ...groups.map((targetId) => ({ conversationType: 3, targetId })),
];

const get = (path: string): Load => {
  const [name = path] = path.replace("/misc/", "").split("?");
  return { name, method: "GET", path, bodies: [] };
};

const post = (
  name: string,
  path: string,
  command: readonly [string, ...string[]],
  ...bodies: ReadonlyArray<unknown>
): Load => ({
  name,
  method: "POST",
  path,
  bodies: bodies.map((body) => JSON.stringify(body)),
  command,
});

const ONE = { conversationType: 1, targetId: FRIEND };
const READ = ["GET", "bench"] as const;
const WRITE = ["SET", "bench", "1"] as const;

export const LATEST_UPDATE: Load = get("/misc/latest_update?version=1.0.0");
export const MOBILE_VERSION: Load = get("/misc/mobile_version");
export const CLIENT_VERSION: Load = get("/misc/client_version");
const DEMO_SQUARE = get("/misc/demo_square");
const SEND_MESSAGE = post("send_message", "/misc/send_message", READ, {
  conversationType: "PRIVATE",
  targetId: FRIEND,
  objectName: "RC:TxtMsg",
  content: "hello",
});
/** One conversation: each set waits for the one before it, as the contract's order has it. */
const SET_ONE = post("set_screen_capture, one conversation", "/misc/set_screen_capture", WRITE, {
  ...ONE,
  noticeStatus: 1,
});
/** As traffic is: many conversations, half of them private. */
export const SET_STATUS: Load = post(
  "set_screen_capture",
  "/misc/set_screen_capture",
  WRITE,
  ...targets.map((target) => ({ ...target, noticeStatus: 1 })),
);
export const GET_STATUS: Load = post(
  "get_screen_capture",
  "/misc/get_screen_capture",
  READ,
  ...targets,
);
const SEND_SC_MSG = post("send_sc_msg", "/misc/send_sc_msg", WRITE, ...targets);

/** Every route, and set_screen_capture twice. */
export const LOADS: ReadonlyArray<Load> = [
  LATEST_UPDATE,
  MOBILE_VERSION,
  CLIENT_VERSION,
  DEMO_SQUARE,
  SEND_MESSAGE,
  SET_STATUS,
  SET_ONE,
  GET_STATUS,
  SEND_SC_MSG,
];

/** Makes the caller everybody's friend and a member of every group. */
export const introduce = ({
  addFriends,
  addMembers,
}: RelationshipDirectory): ReturnType<RelationshipDirectory["addFriends"]> =>
  pipe(
    addFriends([FRIEND, ...friends].map((friend) => [CALLER, friend])),
    TE.chain(() =>
      TE.traverseArray((group: (typeof groups)[number]) => addMembers(group, [CALLER]))(groups),
    ),
    TE.map(() => undefined),
  );

/** What every server of the bench has in its environment: nothing is bounded, nothing is sent. */
export const VARIABLES: Readonly<Record<string, string>> = {
  SESSION_SECRET: SECRET,
  RATE_LIMIT: "0",
  LOG_LEVEL: "error",
  MESSAGE_GATEWAY: "log",
};

/** The secret of the sessions, for who checks them without that environment. */
export const secret = (): Uint8Array => new TextEncoder().encode(SECRET);

/** The headers of the caller: a session that each request has verified anew. */
export const signIn = async (): Promise<Headers> => ({
  authorization: `Bearer ${await signSession({ secret: secret(), user: CALLER, expiresAt: Date.now() + 24 * HOUR_MS })()}`,
  "content-type": "application/json",
});
