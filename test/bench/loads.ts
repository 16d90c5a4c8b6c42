/** The requests that the bench sends. */
import * as TE from "fp-ts/lib/TaskEither.js";
import { signSession } from "../../adapters/session/mod.ts";
import type { RelationshipDirectory, StoreUnavailable } from "../../core/mod.ts";
import { id } from "../contract/expect.ts";

type Headers = Readonly<Record<string, string>>;
/** A request to a route, which is a GET if it has no body. */
type Request = Readonly<{ name: string; path: string; headers: Headers; body: string | undefined }>;
/** Requests that differ in their bodies only, as they are sent in turn. The first is also parsed. */
export type Load = Request & Readonly<{ requests: ReadonlyArray<string> }>;

export const SECRET: Uint8Array = new TextEncoder().encode("a secret of at least 32 bytes, really");
const [CALLER, FRIEND] = [id("1"), id("2")];
const expiresAt = Date.now() + 24 * 3_600_000;
// There is one session, so the server verifies its token once in five seconds.
const Authorization = `Bearer ${await signSession({ secret: SECRET, user: CALLER, expiresAt })()}`;

const load = (path: string, contents: ReadonlyArray<object | undefined> = [undefined]): Load => {
  const [name = path] = path.split("?");
  const bodies = contents.map((content) => content && JSON.stringify(content));
  const json = { Authorization, "Content-Type": "application/json" };
  const headers = bodies[0] === undefined ? {} : json;
  const requests = bodies.map((body) => {
    const all = { Host: "bench", ...headers, ...(body && { "Content-Length": body.length }) };
    const lines = Object.entries(all).map((pair) => pair.join(": "));
    const first = `${body === undefined ? "GET" : "POST"} /misc/${path} HTTP/1.1`;
    return [first, ...lines, "", body ?? ""].join("\r\n");
  });
  return { name, path: `/misc/${path}`, headers, body: bodies[0], requests };
};

const groups = Array.from({ length: 1_000 }, (_, index) => id(`group-${index}`));
const targets = groups.map((targetId) => ({ conversationType: 3, targetId }));
const sets = targets.map((target) => ({ ...target, noticeStatus: 1 }));
const message = { objectName: "RC:TxtMsg", content: "hello", targetId: FRIEND };

const versions = ["latest_update?version=1.0.0", "mobile_version", "client_version"];
export const VERSIONS: ReadonlyArray<Load> = versions.map((path) => load(path));
export const SET: Load = load("set_screen_capture", sets);
export const GET: Load = load("get_screen_capture", targets);
const DEMO = load("demo_square");
const SEND = load("send_message", [{ conversationType: "PRIVATE", ...message }]);
const REPORT = load("send_sc_msg", targets);
/** Every route. Sets precede reads, so that all servers have the same statuses to answer. */
export const LOADS: ReadonlyArray<Load> = [...VERSIONS, DEMO, SEND, SET, GET, REPORT];

/** Makes the caller a member of each group, and a friend of the recipient of send_message. */
export const enrol = (to: RelationshipDirectory): TE.TaskEither<StoreUnavailable, unknown> =>
  TE.sequenceArray([
    to.addFriends([[CALLER, FRIEND]]),
    ...groups.map((group) => to.addMembers(group, [CALLER])),
  ]);
