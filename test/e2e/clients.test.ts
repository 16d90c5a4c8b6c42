/**
 * The requests of SealTalk's own clients to the real process: what they were written to send is what
 * this server has to take, and its answers are what they can read. Beside a request's own headers
 * each sends those that are usual for the HTTP library that it is built on.
 */
import { cp, writeFile } from "node:fs/promises";
import { type IncomingHttpHeaders, type IncomingMessage, request } from "node:http";
import { join } from "node:path";
import { id } from "../contract/expect.ts";
import { legacyCookie } from "../contract/legacy-cookie.ts";
import { type Deployment, makeDeployment } from "../support/deployment.ts";
import type { ServerProcess } from "../support/program.ts";
import { type ExecutionContext, test } from "../support/test.ts";

const N3D_KEY = "11EdDIaqpcim";
const LEGACY = { LEGACY_COOKIE_NAME: "rong_auth_cookie", LEGACY_COOKIE_KEY: "cookiekey" };
const USER = id("1");
const FRIEND = id("2");
const GROUP = id("42");
const USER_ON_WIRE = "kFpN4KiZn";
const FRIEND_ON_WIRE = "z2mlAvb0c";
const GROUP_ON_WIRE = "c0t4mzNej";

interface Answer {
  readonly status: number | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

interface Client {
  /** What it sends with every request. */
  readonly always: Readonly<Record<string, string>>;
  /** What it says a body of its is. */
  readonly type: string;
}

const ANDROID: Client = {
  always: { "Accept-Encoding": "gzip", Connection: "Keep-Alive", "User-Agent": "okhttp/3.12.1" },
  type: "application/json;charset=UTF-8",
};
const IOS: Client = {
  always: {
    Accept: "*/*",
    "Accept-Encoding": "gzip, deflate",
    "Accept-Language": "zh-Hans-CN;q=1, en-CN;q=0.9",
    Connection: "keep-alive",
    "User-Agent": "SealTalk/2.2.0 (iPhone; iOS 13.3; Scale/3.00)",
  },
  type: "application/json",
};
const DESKTOP: Client = {
  always: {
    Accept: "application/json",
    "Accept-Encoding": "gzip, deflate",
    "Accept-Language": "zh-cn",
    Connection: "keep-alive",
    "User-Agent": "SealTalk/1.0.0 CFNetwork/1121.2.2 Darwin/19.3.0 (x86_64)",
  },
  type: "application/json",
};

// Not by fetch, which has headers of its own to add.
const ask = async (
  { url }: ServerProcess,
  { always, type }: Client,
  path: string,
  { cookie, body }: { readonly cookie?: string; readonly body?: unknown } = {},
): Promise<Answer> => {
  const text = body === undefined ? undefined : JSON.stringify(body);
  const outgoing = request(`${url}/${path}`, {
    method: text === undefined ? "GET" : "POST",
    agent: false,
    headers: {
      ...always,
      ...(cookie === undefined ? {} : { Cookie: cookie }),
      ...(text === undefined
        ? {}
        : { "Content-Type": type, "Content-Length": Buffer.byteLength(text) }),
    },
  });
  const incoming = await new Promise<IncomingMessage>((resolve, reject) => {
    outgoing.on("response", resolve).on("error", reject).end(text);
  });
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) {
    chunks.push(chunk);
  }
  const { statusCode, headers } = incoming;
  return { status: statusCode, headers, body: Buffer.concat(chunks).toString() };
};

interface Served extends Deployment {
  readonly server: ServerProcess;
}

/** A deployment that moved over: numbers as ids, spelled by N3D, and the cookies that it had. */
const serve = async (
  t: ExecutionContext,
  more: Readonly<Record<string, string>> = {},
): Promise<Served> => {
  const deployment = await makeDeployment();
  t.teardown(deployment.close);
  await deployment.relate(({ addFriends }) => addFriends([[USER, FRIEND]]));
  await deployment.relate(({ addMembers }) => addMembers(GROUP, [USER, FRIEND]));
  const server = await deployment.start({ N3D_KEY, ...LEGACY, ...more });
  return { ...deployment, server };
};

const oldCookieOf = (user: string): string =>
  `${LEGACY.LEGACY_COOKIE_NAME}=${legacyCookie(LEGACY.LEGACY_COOKIE_KEY, user, Date.now())}`;

const COOKIES: ReadonlyArray<readonly [string, (served: Served) => Promise<string>]> = [
  ["the cookie that it had", async () => oldCookieOf(USER)],
  ["the cookie that it had, and a semicolon behind it", async () => `${oldCookieOf(USER)};`],
  ["a cookie of ours", async ({ tokenFor }) => `sealtalk_session=${await tokenFor(USER)}`],
];

for (const [client, how] of [
  [ANDROID, "Android"],
  [IOS, "iOS"],
] as const) {
  for (const [what, cookieFor] of COOKIES) {
    test(`${how} sets, reads and reports screen captures with ${what}`, async (t) => {
      const served = await serve(t);
      const { server, rongCloud } = served;
      const cookie = await cookieFor(served);
      for (const [conversationType, targetId] of [
        [1, FRIEND_ON_WIRE],
        [3, GROUP_ON_WIRE],
      ]) {
        const place = { conversationType, targetId };
        const post = (path: string, body: unknown): Promise<Answer> =>
          ask(server, client, `misc/${path}`, { cookie, body });
        for (const [path, body, expected] of [
          ["get_screen_capture", place, '{"code":200,"result":{"status":0}}'],
          ["set_screen_capture", { ...place, noticeStatus: 1 }, '{"code":200}'],
          ["get_screen_capture", place, '{"code":200,"result":{"status":1}}'],
          ["send_sc_msg", place, '{"code":200}'],
        ] as const) {
          const answer = await post(path, body);
          t.deepEqual([answer.status, answer.body], [200, expected]);
          t.regex(answer.headers["content-type"] ?? "", /^application\/json\b/);
          t.is(answer.headers["content-encoding"], undefined);
        }
      }
      await rongCloud.whenTaken(4);
      t.is(rongCloud.taken.length, 4);
      const notice = (operation: string): object => ({
        fromUserId: USER_ON_WIRE,
        objectName: "ST:ConNtf",
        content: JSON.stringify({ operatorUserId: USER_ON_WIRE, operation }),
        isIncludeSender: "1",
      });
      const sentTo = (target: string): ReadonlyArray<object> =>
        rongCloud.taken
          .map(({ form }) => form)
          .filter(({ toUserId, toGroupId }) => (toUserId ?? toGroupId) === target);
      for (const [target, more] of [
        [FRIEND_ON_WIRE, { toUserId: FRIEND_ON_WIRE }],
        [GROUP_ON_WIRE, { toGroupId: GROUP_ON_WIRE, isMentioned: "0" }],
      ] as const) {
        t.like(sentTo(target), [
          { ...notice("openScreenNtf"), ...more },
          { ...notice("sendScreenNtf"), ...more },
        ]);
      }
    });
  }
}

for (const [what, cookieFor] of COOKIES) {
  test(`the iOS share extension sends a link with ${what}, its content as an object`, async (t) => {
    const served = await serve(t);
    const { server, rongCloud } = served;
    const content = {
      title: "融云",
      content: "即时通讯云",
      imageUri: "",
      url: "https://www.rongcloud.cn/",
    };
    for (const [conversationType, targetId] of [
      ["PRIVATE", FRIEND_ON_WIRE],
      ["GROUP", GROUP_ON_WIRE],
    ]) {
      const body = { conversationType, targetId, objectName: "RC:ImgTextMsg", content };
      const cookie = await cookieFor(served);
      const answer = await ask(server, IOS, "misc/send_message", { cookie, body });
      t.deepEqual([answer.status, answer.body], [200, '{"code":"200"}']);
    }
    const sent = { objectName: "RC:ImgTextMsg", content: JSON.stringify(content) };
    t.like(
      rongCloud.taken.map(({ form }) => form),
      [
        { ...sent, fromUserId: USER_ON_WIRE, toUserId: FRIEND_ON_WIRE },
        { ...sent, fromUserId: USER_ON_WIRE, toGroupId: GROUP_ON_WIRE },
      ],
    );
    t.true(rongCloud.taken.every(({ form }) => !("pushContent" in form)));
  });
}

test("other callers send a message's content as a string, with what the push says", async (t) => {
  const { server, rongCloud } = await serve(t);
  const body = {
    conversationType: "PRIVATE",
    targetId: FRIEND_ON_WIRE,
    objectName: "RC:TxtMsg",
    content: '{"content":"hello"}',
    pushContent: "hello",
  };
  const cookie = oldCookieOf(USER);
  const { status } = await ask(server, ANDROID, "misc/send_message", { cookie, body });
  t.is(status, 200);
  t.like(rongCloud.taken[0], {
    form: { content: '{"content":"hello"}', pushContent: "hello", toUserId: FRIEND_ON_WIRE },
  });
});

for (const [client, how] of [
  [ANDROID, "Android"],
  [IOS, "iOS"],
] as const) {
  test(`${how} asks for versions and the demo square before anybody is signed in`, async (t) => {
    const deployment = await makeDeployment();
    t.teardown(deployment.close);
    const RELEASES_DIR = join(deployment.dir, "releases");
    await cp("adapters/file/sample", RELEASES_DIR, { recursive: true });
    await writeFile(
      join(RELEASES_DIR, "demo_square.json"),
      '[{"id":42,"type":"group"},{"id":1,"type":"chatroom","name":"聊天室 I"}]',
    );
    const server = await deployment.start({ N3D_KEY, ...LEGACY, RELEASES_DIR });
    for (const cookie of [undefined, "rong_auth_cookie=stale"]) {
      const asked = (path: string): Promise<Answer> =>
        ask(server, client, path, cookie === undefined ? {} : { cookie });
      const version = await asked("misc/client_version");
      t.is(version.status, 200);
      t.like(JSON.parse(version.body), { iOS: { version: "1.0.5", build: "201607181821" } });
      const square = await asked("misc/demo_square");
      t.regex(square.headers["content-type"] ?? "", /^application\/json\b/);
      t.deepEqual(JSON.parse(square.body), {
        code: 200,
        result: [
          {
            type: "group",
            id: GROUP_ON_WIRE,
            name: "Unknown",
            portraitUri: "",
            memberCount: 0,
            maxMemberCount: 0,
          },
          { type: "chatroom", id: USER_ON_WIRE, name: "聊天室 I" },
        ],
      });
    }
  });
}

test("the desktop app asks for its feed with parameters of its own, and installs nothing twice", async (t) => {
  const { server } = await serve(t);
  const feed = (version: string): Promise<Answer> =>
    ask(server, DESKTOP, `misc/latest_update?version=${version}&platform=darwin`);
  const { status, headers, body } = await feed("1.0.0");
  t.is(status, 200);
  t.regex(headers["content-type"] ?? "", /^application\/json\b/);
  const { url, ...offered } = JSON.parse(body);
  t.like(offered, { version: "1.0.2", name: "SealTalk 1.0.2", pub_date: "2017-05-05" });
  t.notThrows(() => new URL(url));
  for (const version of ["1.0.2", "1.1.0"]) {
    const nothing = await feed(version);
    t.deepEqual([nothing.status, nothing.body], [204, ""]);
  }
});

// A `code` of 1000 or 10000 in a failure logs the user out.
test("the code of a failure is its HTTP status, so that no client logs its user out for another reason", async (t) => {
  const { server, rongCloud } = await serve(t);
  rongCloud.behave({ status: 401, code: 1000 });
  const cookie = oldCookieOf(USER);
  const message = {
    conversationType: "PRIVATE",
    targetId: FRIEND_ON_WIRE,
    objectName: "RC:TxtMsg",
    content: "hello",
  };
  for (const [path, options, expected] of [
    ["misc/send_message", { cookie, body: message }, [502, 503]],
    ["misc/send_message", { cookie, body: { ...message, targetId: FRIEND } }, [400]],
    ["misc/send_message", { body: message }, [401]],
    ["misc/send_message", { cookie: "rong_auth_cookie=89789", body: message }, [401]],
    ["misc/send_message", { cookie: oldCookieOf("3"), body: message }, [403]],
    ["misc/send_message", { cookie }, [405]],
    ["misc/set_screen_capture", { cookie, body: { conversationType: 1 } }, [400]],
    ["misc/nothing", { cookie }, [404]],
    ["misc/latest_update?version=x", {}, [400]],
  ] as const) {
    for (const client of [ANDROID, IOS]) {
      const { status, headers, body } = await ask(server, client, path, options);
      t.true(expected.some((one) => one === status));
      t.is(JSON.parse(body).code, status);
      t.regex(headers["content-type"] ?? "", /^application\/json\b/);
    }
  }
});

test("who has an old cookie is one user with one rate, and a new session goes before it", async (t) => {
  const { server, rongCloud, tokenFor } = await serve(t, { RATE_LIMIT: "2" });
  const body = { conversationType: 3, targetId: GROUP_ON_WIRE };
  const report = async (cookie: string): Promise<number | undefined> =>
    (await ask(server, ANDROID, "misc/send_sc_msg", { cookie, body })).status;
  const token = `sealtalk_session=${await tokenFor(FRIEND)}`;
  t.is(await report(`${oldCookieOf(USER)}; ${token}`), 200);
  await rongCloud.whenTaken(1);
  t.is(rongCloud.taken[0]?.form.fromUserId, FRIEND_ON_WIRE);
  t.deepEqual(
    [await report(oldCookieOf(FRIEND)), await report(oldCookieOf(FRIEND)), await report(token)],
    [200, 429, 429],
  );
  t.is(await report(oldCookieOf(USER)), 200);
});
