/**
 * The faults that were measured in the servers which do this today, one test each, on the real
 * process. What a test is called is what this server does instead.
 */
import { once } from "node:events";
import { rename, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { sampleRecords } from "../../adapters/memory/mod.ts";
import { id } from "../contract/expect.ts";
import { type Deployment, makeDeployment, postJson } from "../support/deployment.ts";
import type { ServerProcess } from "../support/program.ts";
import { makeTempDir } from "../support/temp-dir.ts";
import { type ExecutionContext, test } from "../support/test.ts";

const CAPTURE_ROUTES = [
  "/misc/set_screen_capture",
  "/misc/get_screen_capture",
  "/misc/send_sc_msg",
] as const;
const WITH_BOB = { conversationType: 1, targetId: "bob", noticeStatus: 1 };
const MESSAGE = {
  conversationType: "PRIVATE",
  targetId: "bob",
  objectName: "RC:TxtMsg",
  content: "hello",
};

interface Served extends Deployment {
  readonly server: ServerProcess;
  readonly alice: string;
  readonly mallory: string;
}

const serve = async (
  t: ExecutionContext,
  more: Readonly<Record<string, string>> = {},
): Promise<Served> => {
  const deployment = await makeDeployment();
  const server = await deployment.start(more);
  t.teardown(async () => {
    await server.end("SIGKILL");
    await deployment.close();
  });
  const [alice, mallory] = await Promise.all([
    deployment.tokenFor("alice"),
    deployment.tokenFor("mallory"),
  ]);
  return { ...deployment, server, alice, mallory };
};

const status = async (response: Promise<Response>): Promise<number> => (await response).status;

test("a session with any one character changed is no session", async (t) => {
  const { server, alice, rongCloud } = await serve(t);
  for (let at = 0; at < alice.length; at += 1) {
    const other = alice[at] === "A" ? "B" : "A";
    const changed = alice.slice(0, at) + other + alice.slice(at + 1);
    t.is(await status(postJson(server, "/misc/send_message", changed, MESSAGE)), 401);
  }
  t.is(rongCloud.attempts, 0);
});

for (const path of CAPTURE_ROUTES) {
  test(`${path} lets nobody act in a chat that is not theirs`, async (t) => {
    const { server, mallory, rongCloud } = await serve(t);
    t.is(await status(postJson(server, path, mallory, WITH_BOB)), 403);
    const group = { conversationType: 3, targetId: "g", noticeStatus: 1 };
    t.is(await status(postJson(server, path, mallory, group)), 403);
    t.is(rongCloud.attempts, 0);
  });
}

test("bad input is the caller's 4xx, stores nothing and leaves the server well", async (t) => {
  const { server, alice, rongCloud } = await serve(t);
  for (const [body, expected] of [
    [{ ...WITH_BOB, conversationType: 9 }, 403],
    [{ ...WITH_BOB, noticeStatus: 7 }, 400],
    ["{", 400],
  ] as const) {
    t.is(await status(postJson(server, "/misc/set_screen_capture", alice, body)), expected);
  }
  const asText = { ...WITH_BOB, conversationType: "1" };
  t.is(await status(postJson(server, "/misc/send_sc_msg", alice, asText)), 200);
  await rongCloud.whenTaken(1);
  const response = await postJson(server, "/misc/get_screen_capture", alice, WITH_BOB);
  t.deepEqual(await response.json(), { code: 200, result: { status: 0 } });
});

test("a request without a User-Agent is answered", async (t) => {
  const { server } = await serve(t);
  const socket = connect(Number(new URL(server.url).port), "127.0.0.1").setEncoding("utf8");
  socket.write("GET /misc/client_version HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  const [answer] = await once(socket, "data");
  t.regex(String(answer), /^HTTP\/1\.1 200 /);
});

test("a set succeeds while RongCloud is away, and its notice arrives when that is back", async (t) => {
  const { server, alice, rongCloud } = await serve(t);
  rongCloud.behave("reset");
  t.is(await status(postJson(server, "/misc/set_screen_capture", alice, WITH_BOB)), 200);
  await rongCloud.whenAttempted(2);
  rongCloud.behave("take");
  await rongCloud.whenTaken(1);
  t.like(rongCloud.taken[0], {
    path: "/message/private/publish.json",
    form: {
      fromUserId: "alice",
      toUserId: "bob",
      objectName: "ST:ConNtf",
      content: '{"operatorUserId":"alice","operation":"openScreenNtf"}',
      isIncludeSender: "1",
    },
  });
});

test("send_message answers 503 when RongCloud hangs, and nothing hangs with it", async (t) => {
  const { server, alice, rongCloud } = await serve(t);
  rongCloud.behave("hang");
  const sending = postJson(server, "/misc/send_message", alice, MESSAGE);
  await rongCloud.whenAttempted(1);
  t.is(await status(postJson(server, "/misc/set_screen_capture", alice, WITH_BOB)), 200);
  t.is(await status(sending), 503);
});

test("every attempt is signed anew", async (t) => {
  const { server, alice, rongCloud } = await serve(t);
  t.is(await status(postJson(server, "/misc/send_message", alice, MESSAGE)), 200);
  t.is(await status(postJson(server, "/misc/send_message", alice, MESSAGE)), 200);
  const [first, second] = rongCloud.taken.map(({ headers }) => [headers.nonce, headers.signature]);
  t.truthy(first);
  t.notDeepEqual(first, second);
});

test("a broken release file hangs nothing, and a mended one is served as soon as it is there", async (t) => {
  const { dir, remove } = await makeTempDir();
  t.teardown(remove);
  const write = async (name: string, text: string): Promise<void> => {
    await writeFile(join(dir, "next"), text);
    await rename(join(dir, "next"), join(dir, name));
  };
  await write("desktop.json", JSON.stringify(sampleRecords.desktop));
  await write("mobile.json", JSON.stringify(sampleRecords.mobile));
  const { server } = await serve(t, { RELEASES_DIR: dir });
  const offered = async (): Promise<string> => {
    const response = await fetch(`${server.url}/misc/latest_update?version=1.0.0`);
    return JSON.parse(await response.text()).version;
  };
  t.is(await offered(), "1.0.2");
  await write("desktop.json", '{"version":"not one"}');
  await server.line(({ msg }) => String(msg).startsWith("release files broken"));
  t.is(await offered(), "1.0.2");
  t.is(await status(fetch(`${server.url}/readyz`)), 503);
  await write(
    "desktop.json",
    JSON.stringify({ ...Object(sampleRecords.desktop), version: "1.0.3" }),
  );
  await server.line(({ msg }) => msg === "release files reloaded");
  t.is(await offered(), "1.0.3");
  t.is(await status(fetch(`${server.url}/readyz`)), 200);
});

test("latest_update orders versions, offers no equal one, and refuses what is none", async (t) => {
  const { server } = await serve(t);
  for (const [version, expected] of [
    ["1.10.0", 204],
    ["1.0.2", 204],
    ["1.0.1", 200],
    ["abc", 400],
    [">=1.0.0", 400],
    ["1.0.0 || 2.0.0", 400],
    ["constructor", 400],
  ] as const) {
    const query = new URLSearchParams({ version });
    t.is(await status(fetch(`${server.url}/misc/latest_update?${query}`)), expected, version);
  }
});

test("send_message reads each field from its own, and an id has no aliases", async (t) => {
  const { server, rongCloud, relate, tokenFor } = await serve(t, { N3D_KEY: "11EdDIaqpcim" });
  await relate(({ addFriends }) => addFriends([[id("1"), id("2")]]));
  const token = await tokenFor("1");
  const message = {
    ...MESSAGE,
    targetId: "z2mlAvb0c",
    objectName: "app:Note",
    content: "as it is",
  };
  t.is(await status(postJson(server, "/misc/send_message", token, message)), 200);
  t.like(rongCloud.taken[0], {
    form: {
      fromUserId: "kFpN4KiZn",
      toUserId: "z2mlAvb0c",
      objectName: "app:Note",
      content: "as it is",
    },
  });
  for (const alias of ["z2mlAvb0ca", "z2mlAvb0cc", "2", "Z2mlAvb0c"]) {
    const body = { ...message, targetId: alias };
    t.is(await status(postJson(server, "/misc/send_message", token, body)), 400);
  }
  t.is(rongCloud.taken.length, 1);
});

test("a group whose id reads like a pair of users has a status of its own", async (t) => {
  const { server, alice, relate } = await serve(t);
  for (const group of ["alice_bob", "private-alice-bob"]) {
    await relate(({ addMembers }) => addMembers(id(group), [id("alice")]));
  }
  t.is(await status(postJson(server, "/misc/set_screen_capture", alice, WITH_BOB)), 200);
  for (const targetId of ["alice_bob", "private-alice-bob", "g"]) {
    const body = { conversationType: 3, targetId };
    const response = await postJson(server, "/misc/get_screen_capture", alice, body);
    t.deepEqual(await response.json(), { code: 200, result: { status: 0 } });
  }
});

test("requests that run together keep their callers apart", async (t) => {
  const { server, alice, mallory } = await serve(t);
  const statuses = await Promise.all(
    Array.from({ length: 60 }, (_, index) =>
      status(
        postJson(server, "/misc/get_screen_capture", index % 2 === 0 ? alice : mallory, WITH_BOB),
      ),
    ),
  );
  t.deepEqual(
    statuses,
    statuses.map((_, index) => (index % 2 === 0 ? 200 : 403)),
  );
});
