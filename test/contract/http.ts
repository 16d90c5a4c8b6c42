import assert from "node:assert/strict";
import { sampleRecords } from "../../adapters/memory/mod.ts";
import type { Contract } from "./contract.ts";
import { id } from "./expect.ts";
import { drain } from "./fixtures.ts";
import { COOKIE, LEGACY_COOKIE, type World } from "./world.ts";

/** An HTTP face over a {@link World}. */
export interface HttpSubject extends World {
  /** Sends a request to a path of the face. */
  readonly send: (path: string, init?: RequestInit) => Promise<Response>;
}

const POSTS = [
  "/misc/send_message",
  "/misc/set_screen_capture",
  "/misc/get_screen_capture",
  "/misc/send_sc_msg",
] as const;
const VERSIONS = [
  "/misc/latest_update?version=1.0.0",
  "/misc/mobile_version",
  "/misc/client_version",
] as const;
const GETS = [
  ...VERSIONS,
  "/misc/demo_square",
  "/healthz",
  "/readyz",
  "/metrics",
  "/openapi.json",
] as const;

const MESSAGE = {
  conversationType: "PRIVATE",
  targetId: "w-2",
  objectName: "RC:TxtMsg",
  content: "你好，Martin",
};
const PRIVATE = { conversationType: 1, targetId: "w-2" };
const GROUP = { conversationType: 3, targetId: "w-7" };
const BODIES = {
  "/misc/send_message": MESSAGE,
  "/misc/set_screen_capture": { ...PRIVATE, noticeStatus: 1 },
  "/misc/get_screen_capture": PRIVATE,
  "/misc/send_sc_msg": PRIVATE,
} as const;

const postText = async (
  { send, tokenFor }: HttpSubject,
  path: string,
  body: string | Uint8Array<ArrayBuffer>,
  { user = "1", headers = {} }: { user?: string; headers?: Record<string, string> } = {},
): Promise<Response> =>
  send(path, {
    method: "POST",
    body,
    headers: {
      authorization: `Bearer ${await tokenFor(user)}`,
      "content-type": "application/json",
      ...headers,
    },
  });

const post = (subject: HttpSubject, path: string, body: unknown, user = "1"): Promise<Response> =>
  postText(subject, path, JSON.stringify(body), { user });

const answers = async (response: Response, status: number, body: unknown): Promise<void> => {
  assert.deepEqual([response.status, await response.json()], [status, body]);
  assert.equal(response.headers.get("content-type"), "application/json; charset=utf-8");
};

const refuses = async (
  response: Response,
  status: number,
  tag: string,
  message: RegExp = /^[A-Z][^\n]*\.$/,
): Promise<Record<string, unknown>> => {
  const body = JSON.parse(await response.text());
  assert.deepEqual([response.status, body.code, body.error], [status, status, tag]);
  assert.match(body.message, message);
  assert.equal(response.headers.get("content-type"), "application/json; charset=utf-8");
  return body;
};

const statusOf = async (subject: HttpSubject, body: unknown, user = "1"): Promise<unknown> => {
  const response = await post(subject, "/misc/get_screen_capture", body, user);
  const { code, result } = JSON.parse(await response.text());
  assert.deepEqual([response.status, code], [200, 200]);
  return result.status;
};

const releaseOf = (version: string): { desktop: unknown; mobile: unknown } => ({
  desktop: { version, url: "https://dl.example.com/a.dmg", name: "", notes: "", pub_date: "" },
  mobile: sampleRecords.mobile,
});

const versionRoutes: Contract<HttpSubject> = [
  {
    title: "latest_update offers the newer release, bare",
    run: async ({ send }) => {
      await answers(await send("/misc/latest_update?version=1.0.0"), 200, sampleRecords.desktop);
    },
  },
  ...["1.0.2", "1.0.3", "v1.0.2", "1.0.2+build.9", "1.0.2%2Bbuild.9", "1.10.0", "2.0.0-rc.1"].map(
    (version) => ({
      title: `latest_update answers 204 without a body to ${version}`,
      run: async ({ send }: HttpSubject) => {
        const response = await send(`/misc/latest_update?version=${version}`);
        assert.deepEqual([response.status, await response.text()], [204, ""]);
      },
    }),
  ),
  ...[
    ["1.9.0", "1.10.0", 200],
    ["1.10.0", "1.9.0", 204],
    ["1.0.2-beta.1", "1.0.2", 200],
    ["1.0.2", "1.0.2-beta.1", 204],
  ].map(([client, release, status]) => ({
    title: `latest_update answers ${status} to ${client} when ${release} is current`,
    run: async ({ send, versions }: HttpSubject) => {
      versions.replace(releaseOf(`${release}`));
      assert.equal((await send(`/misc/latest_update?version=${client}`)).status, status);
    },
  })),
  ...[
    "",
    "?version=",
    "?version=abc",
    "?version=1.0",
    "?version=1.0.0.0",
    "?version=1.0.0&version=1.0.0",
    "?version[]=1.0.0",
    "?version=%3E%3D1.0.0",
    "?version=1.0.0%20",
    "?version=%00",
    "?version=%ff",
    "?version=%",
    "?version=constructor",
    "?version=__proto__",
    `?version=1.0.0-${"a".repeat(251)}`,
  ].map((query) => ({
    title: `latest_update answers 400 to ${JSON.stringify(query.slice(0, 40))}`,
    run: async ({ send }: HttpSubject) => {
      await refuses(
        await send(`/misc/latest_update${query}`),
        400,
        "INVALID_VERSION",
        /^version: /,
      );
    },
  })),
  {
    title: "latest_update takes 256 characters, and parameters that it does not know",
    run: async ({ send }) => {
      const version = `1.0.0-${"a".repeat(250)}`;
      const response = await send(`/misc/latest_update?platform=darwin&version=${version}`);
      assert.equal(response.status, 200);
    },
  },
  {
    title: "latest_update percent-encodes a URL and keeps the date as given",
    run: async ({ send, versions }) => {
      versions.replace({
        desktop: {
          version: "9.0.0",
          url: "https://dl.example.com/海豹 1%20.dmg",
          name: "n",
          notes: "",
          pub_date: "5. Mai",
        },
        mobile: sampleRecords.mobile,
      });
      const body = JSON.parse(await (await send("/misc/latest_update?version=1.0.0")).text());
      assert.equal(body.url, "https://dl.example.com/%E6%B5%B7%E8%B1%B9%201%20.dmg");
      assert.equal(body.pub_date, "5. Mai");
    },
  },
  {
    title: "mobile_version answers both platforms in an envelope, client_version bare",
    run: async ({ send }) => {
      const result = sampleRecords.mobile;
      await answers(await send("/misc/mobile_version"), 200, { code: 200, result });
      await answers(await send("/misc/client_version"), 200, result);
    },
  },
  {
    title: "mobile_version keeps fields that it does not know",
    run: async ({ send, versions }) => {
      const mobile = {
        iOS: { version: "2", url: "u", size: 7 },
        Android: { version: "2", url: "u", constructor: "x" },
        HarmonyOS: { version: "1" },
      };
      versions.replace({ desktop: sampleRecords.desktop, mobile });
      await answers(await send("/misc/client_version"), 200, mobile);
    },
  },
  ...VERSIONS.flatMap(
    (path): Contract<HttpSubject> => [
      {
        title: `${path} carries Cache-Control and a strong ETag, and answers 304 to it`,
        run: async ({ send }) => {
          const first = await send(path);
          const etag = first.headers.get("etag") ?? "";
          assert.match(etag, /^"[^"]+"$/);
          assert.equal(first.headers.get("cache-control"), "private");
          for (const tags of [etag, `W/${etag}`, `"other", ${etag}`, "*"]) {
            const again = await send(path, { headers: { "if-none-match": tags } });
            assert.deepEqual([again.status, await again.text()], [304, ""]);
            assert.equal(again.headers.get("etag"), etag);
          }
          assert.equal((await send(path, { headers: { "if-none-match": '"x"' } })).status, 200);
        },
      },
      {
        title: `${path} has another ETag when the releases have changed`,
        run: async ({ send, versions }) => {
          const before = (await send(path)).headers.get("etag") ?? "";
          versions.replace({
            ...releaseOf("3.0.0"),
            mobile: { iOS: { version: "3", url: "u" }, Android: { version: "3", url: "u" } },
          });
          const after = await send(path, { headers: { "if-none-match": before } });
          assert.equal(after.status, 200);
          assert.notEqual(after.headers.get("etag"), before);
        },
      },
    ],
  ),
  {
    title: "the version routes need no session and ignore a broken one",
    run: async ({ send }) => {
      for (const path of VERSIONS) {
        const headers = { authorization: "Bearer x", cookie: `${COOKIE}=x; =; ;;"` };
        assert.equal((await send(path, { headers })).status, 200);
      }
    },
  },
];

const sessions: Contract<HttpSubject> = [
  ...POSTS.flatMap(
    (path): Contract<HttpSubject> => [
      {
        title: `${path} answers 401 without a session, before it looks at the body`,
        run: async ({ send }) => {
          const response = await send(path, { method: "POST", body: "{" });
          await refuses(response, 401, "UNAUTHENTICATED");
        },
      },
      {
        title: `${path} answers 401 to a session that does not verify`,
        run: async (subject) => {
          const body = JSON.stringify(BODIES[path]);
          const expired = await subject.tokenFor("1", -60);
          const valid = await subject.tokenFor("1");
          const none = `${Buffer.from('{"alg":"none"}').toString("base64url")}.${valid.split(".")[1]}.`;
          for (const token of ["x", "", "a.b.c", expired, none, `${valid.slice(0, -8)}AAAAAAAA`]) {
            const headers = { authorization: `Bearer ${token}` };
            await refuses(await postText(subject, path, body, { headers }), 401, "UNAUTHENTICATED");
          }
        },
      },
      {
        title: `${path} takes the same session from the cookie`,
        run: async ({ send, tokenFor }) => {
          const headers = {
            cookie: `a=b; ${COOKIE}=${await tokenFor("1")}`,
            "content-type": "application/json",
          };
          const body = JSON.stringify(BODIES[path]);
          assert.equal((await send(path, { method: "POST", headers, body })).status, 200);
        },
      },
      {
        title: `${path} takes an existing deployment's session from its cookie`,
        run: async ({ send, legacyCookieFor }) => {
          const headers = {
            cookie: `a=b; ${LEGACY_COOKIE}=${legacyCookieFor("1")}`,
            "content-type": "application/json",
          };
          const body = JSON.stringify(BODIES[path]);
          assert.equal((await send(path, { method: "POST", headers, body })).status, 200);
        },
      },
      {
        title: `${path} answers 401 to an existing deployment's cookie that is none`,
        run: async ({ send, legacyCookieFor }) => {
          const good = legacyCookieFor("1");
          for (const value of [
            "",
            "x",
            "%",
            good.slice(1),
            `${good}00`,
            good.replace(/../g, "%$&"),
            "ff".repeat(20),
            "89".repeat(4_000),
            legacyCookieFor("1", 31),
            legacyCookieFor("1", -1),
            legacyCookieFor("0"),
            legacyCookieFor("4294967296"),
          ]) {
            const headers = {
              cookie: `${LEGACY_COOKIE}=${value}`,
              "content-type": "application/json",
            };
            const body = JSON.stringify(BODIES[path]);
            const response = await send(path, { method: "POST", headers, body });
            await refuses(response, 401, "UNAUTHENTICATED");
          }
        },
      },
      {
        title: `${path} refuses what another site's page could post with either cookie`,
        run: async ({ send, tokenFor, legacyCookieFor }) => {
          const body = new TextEncoder().encode(JSON.stringify(BODIES[path]));
          for (const cookie of [
            `${COOKIE}=${await tokenFor("1")}`,
            `${LEGACY_COOKIE}=${legacyCookieFor("1")}`,
          ]) {
            for (const type of [
              "text/plain",
              "application/x-www-form-urlencoded",
              "multipart/form-data; boundary=x",
              undefined,
            ]) {
              const headers = { cookie, ...(type === undefined ? {} : { "content-type": type }) };
              const response = await send(path, { method: "POST", headers, body });
              await refuses(response, 415, "UNSUPPORTED_MEDIA_TYPE");
            }
          }
        },
      },
      {
        title: `${path} answers 415 to a body that is no JSON in UTF-8 by its headers`,
        run: async (subject) => {
          const body = JSON.stringify(BODIES[path]);
          for (const headers of [
            { "content-type": "text/xml" },
            { "content-type": "garbage" },
            { "content-type": ";;;" },
            { "content-type": "multipart/form-data" },
            { "content-type": "application/json; charset=gbk" },
            { "content-encoding": "gzip" },
          ]) {
            const response = await postText(subject, path, body, { headers });
            await refuses(response, 415, "UNSUPPORTED_MEDIA_TYPE");
          }
          const charset = { "content-type": 'Application/JSON; Charset="UTF-8"' };
          assert.equal((await postText(subject, path, body, { headers: charset })).status, 200);
        },
      },
    ],
  ),
  {
    title: "the caller is the Bearer token's, else the cookie's, else an existing deployment's",
    run: async ({ send, tokenFor, legacyCookieFor, gateway }) => {
      const [first, second] = await Promise.all([tokenFor("1"), tokenFor("2")]);
      const toGroup = { ...MESSAGE, conversationType: "GROUP", targetId: "w-7" };
      const both = `${LEGACY_COOKIE}=${legacyCookieFor("2")}; ${COOKIE}=${first}`;
      for (const headers of [
        { authorization: `Bearer ${second}`, cookie: both },
        { cookie: both },
        { cookie: `${LEGACY_COOKIE}=${legacyCookieFor("2")}` },
      ]) {
        const response = await send("/misc/send_message", {
          method: "POST",
          headers: { "content-type": "application/json", ...headers },
          body: JSON.stringify(toGroup),
        });
        assert.equal(response.status, 200);
      }
      assert.deepEqual(
        gateway.taken.map(({ senderId }) => senderId),
        ["w-2", "w-1", "w-2"],
      );
      const broken = {
        authorization: "Bearer x",
        cookie: both,
        "content-type": "application/json",
      };
      const body = JSON.stringify(toGroup);
      const response = await send("/misc/send_message", { method: "POST", headers: broken, body });
      await refuses(response, 401, "UNAUTHENTICATED");
    },
  },
];

const bodies: Contract<HttpSubject> = POSTS.flatMap(
  (path): Contract<HttpSubject> => [
    ...[
      ["", /^body: expected JSON\.$/],
      ["{", /^body: expected JSON\.$/],
      ["null", /^body: expected a JSON object\.$/],
      ["[]", /^body: expected a JSON object\.$/],
      ['"x"', /^body: expected a JSON object\.$/],
      ["7", /^body: expected a JSON object\.$/],
      ["{}", /^conversationType: expected /],
      ["[".repeat(60_000), /^body: expected JSON\.$/],
    ].map(([body, message]) => ({
      title: `${path} answers 400 to ${String(body).slice(0, 8)}`,
      run: async (subject: HttpSubject) => {
        assert.ok(message instanceof RegExp);
        await refuses(await postText(subject, path, String(body)), 400, "INVALID_INPUT", message);
      },
    })),
    {
      title: `${path} answers 400 to bytes that are not UTF-8`,
      run: async (subject) => {
        const body = new Uint8Array([0x22, 0xff, 0x22]);
        await refuses(await postText(subject, path, body), 400, "INVALID_INPUT", /^body: .*UTF-8/);
      },
    },
    ...Object.keys(BODIES[path]).map((field) => ({
      title: `${path} answers 400 when ${field} is missing, empty or of another type`,
      run: async (subject: HttpSubject) => {
        const message = new RegExp(`^${field}: expected [^<>]+\\.$`);
        for (const wrong of [undefined, null, "", true, [], [1], 1.5]) {
          const response = await post(subject, path, { ...BODIES[path], [field]: wrong });
          await refuses(response, 400, "INVALID_INPUT", message);
        }
      },
    })),
    {
      title: `${path} answers 400 to a target that does not decode, whatever else is wrong`,
      run: async (subject) => {
        for (const targetId of ["2", "w-", "w-2\u0000", "../w-2", "w-2:7", `w-${"2".repeat(99)}`]) {
          for (const conversationType of [BODIES[path].conversationType, ...unsupported(path)]) {
            const body = { ...BODIES[path], targetId, conversationType };
            const response = await post(subject, path, body);
            await refuses(response, 400, "INVALID_INPUT", /^targetId: expected an id\.$/);
          }
        }
      },
    },
    {
      title: `${path} answers 403 to a conversation type that is neither, before it asks who knows whom`,
      run: async (subject) => {
        for (const conversationType of unsupported(path)) {
          const body = { ...BODIES[path], conversationType, targetId: "w-99" };
          await refuses(await post(subject, path, body), 403, "UNSUPPORTED_CONVERSATION_TYPE");
        }
      },
    },
    {
      title: `${path} answers 403 to who is not the target's friend or not in the group`,
      run: async (subject) => {
        const group = path === "/misc/send_message" ? "GROUP" : 3;
        const toGroup = { ...BODIES[path], conversationType: group, targetId: "w-7" };
        await refuses(await post(subject, path, BODIES[path], "3"), 403, "NOT_FRIENDS");
        await refuses(
          await post(subject, path, { ...BODIES[path], targetId: "w-1" }),
          403,
          "NOT_FRIENDS",
        );
        await refuses(await post(subject, path, toGroup, "3"), 403, "NOT_A_MEMBER");
        assert.deepEqual(subject.gateway.taken, []);
        assert.deepEqual(await drain(subject.store.outbox), []);
      },
    },
    {
      title: `${path} takes a body of 128 KiB and answers 413 to one byte more`,
      run: async (subject) => {
        const body = JSON.stringify(BODIES[path]);
        const bytes = new TextEncoder().encode(body).byteLength;
        const full = body + " ".repeat(128 * 1024 - bytes);
        assert.equal((await postText(subject, path, full)).status, 200);
        await refuses(
          await postText(subject, path, `${full} `),
          413,
          "PAYLOAD_TOO_LARGE",
          /128 KiB/,
        );
      },
    },
    {
      title: `${path} ignores fields that it does not know, a caller among them`,
      run: async (subject) => {
        const body = JSON.stringify({ ...BODIES[path], caller: "3", userId: "3" });
        const hostile = body.replace("{", '{"__proto__":{"caller":"3"},"constructor":1,');
        assert.equal((await postText(subject, path, hostile)).status, 200);
      },
    },
  ],
);

const unsupported = (path: (typeof POSTS)[number]): ReadonlyArray<string | number> =>
  path === "/misc/send_message"
    ? ["CHATROOM", "private", "constructor", "1", "3"]
    : [0, 2, 9, -1, "9", "4"];

const sendMessage: Contract<HttpSubject> = [
  {
    title: "send_message sends from the caller to a friend, and says so in the document's words",
    run: async (subject) => {
      const body = { ...MESSAGE, pushContent: "push 内容" };
      await answers(await post(subject, "/misc/send_message", body), 200, { code: "200" });
      assert.deepEqual(subject.gateway.taken, [
        {
          conversationType: "PRIVATE",
          senderId: "w-1",
          targetId: "w-2",
          objectName: "RC:TxtMsg",
          content: '{"content":"你好，Martin"}',
          pushContent: "push 内容",
          includeSender: false,
        },
      ]);
    },
  },
  {
    title: "send_message sends to a group",
    run: async (subject) => {
      const body = { ...MESSAGE, conversationType: "GROUP", targetId: "w-7" };
      await answers(await post(subject, "/misc/send_message", body), 200, { code: "200" });
      const [{ conversationType, targetId } = { conversationType: "", targetId: "" }] =
        subject.gateway.taken;
      assert.deepEqual([conversationType, targetId], ["GROUP", "w-7"]);
    },
  },
  ...[
    ["RC:TxtMsg", "hello", '{"content":"hello"}'],
    ["RC:TxtMsg", "7", '{"content":"7"}'],
    ["RC:TxtMsg", "[1]", '{"content":"[1]"}'],
    ["RC:TxtMsg", '{"content":"x","extra":"y"}', '{"content":"x","extra":"y"}'],
    ["RC:TxtMsg", { content: "x" }, '{"content":"x"}'],
    ["RC:ImgMsg", '{"imageUri":"u"}', '{"imageUri":"u"}'],
    ["RC:ImgMsg", { imageUri: "u" }, '{"imageUri":"u"}'],
    ["app:Poke", "just text", "just text"],
    ["app:Poke", { a: 1 }, '{"a":1}'],
    ["x".repeat(32), "just text", "just text"],
  ].map(([objectName, content, sent]) => ({
    title: `send_message sends ${String(objectName).slice(0, 10)} ${JSON.stringify(content)} as ${sent}`,
    run: async (subject: HttpSubject) => {
      const body = { ...MESSAGE, objectName, content };
      await answers(await post(subject, "/misc/send_message", body), 200, { code: "200" });
      assert.deepEqual(
        subject.gateway.taken.map((message) => message.content),
        [sent],
      );
    },
  })),
  ...["hello", "7", "[1]", '"x"', "null"].map((content) => ({
    title: `send_message refuses ${content} as an RC:ImgMsg`,
    run: async (subject: HttpSubject) => {
      const body = { ...MESSAGE, objectName: "RC:ImgMsg", content };
      const response = await post(subject, "/misc/send_message", body);
      await refuses(response, 400, "INVALID_INPUT", /^content: expected a JSON object/);
    },
  })),
  {
    title: "send_message refuses an objectName of 33 characters and content nested past reason",
    run: async (subject) => {
      const long = { ...MESSAGE, objectName: "x".repeat(33) };
      await refuses(
        await post(subject, "/misc/send_message", long),
        400,
        "INVALID_INPUT",
        /^objectName: /,
      );
      const depth = 20_000;
      const deep = JSON.stringify({ ...MESSAGE, content: {} }).replace(
        '"content":{}',
        `"content":${'{"a":'.repeat(depth)}1${"}".repeat(depth)}`,
      );
      await refuses(
        await postText(subject, "/misc/send_message", deep),
        400,
        "INVALID_INPUT",
        /^content: /,
      );
      assert.deepEqual(subject.gateway.taken, []);
    },
  },
  {
    title: "send_message answers 502 with the gateway's code when it refuses",
    run: async (subject) => {
      subject.gateway.refuseWith({ _tag: "GATEWAY_REJECTED", gatewayCode: 1004, cure: "operator" });
      const response = await post(subject, "/misc/send_message", MESSAGE);
      const { gatewayCode } = await refuses(response, 502, "GATEWAY_REJECTED");
      assert.equal(gatewayCode, 1004);
    },
  },
  {
    title: "send_message answers 503 with Retry-After, and not why, when the gateway is away",
    run: async (subject) => {
      const away = {
        _tag: "GATEWAY_UNAVAILABLE",
        delivery: "unknown",
        cause: "SECRET CAUSE",
      } as const;
      for (const [retryAfter, expected] of [
        [{}, /^[1-9]\d*$/],
        [{ retryAfter: 17 }, /^17$/],
      ] as const) {
        subject.gateway.refuseWith({ ...away, ...retryAfter });
        const response = await post(subject, "/misc/send_message", MESSAGE);
        assert.match(response.headers.get("retry-after") ?? "", expected);
        const body = await refuses(response, 503, "GATEWAY_UNAVAILABLE");
        assert.doesNotMatch(JSON.stringify(body), /SECRET/);
      }
    },
  },
];

const screenCapture: Contract<HttpSubject> = [
  {
    title: "get_screen_capture answers 0 for what was never set",
    run: async (subject) => {
      const response = await post(subject, "/misc/get_screen_capture", PRIVATE);
      await answers(response, 200, { code: 200, result: { status: 0 } });
    },
  },
  {
    title: "set_screen_capture sets one status for both users of a private conversation",
    run: async (subject) => {
      const body = { ...PRIVATE, noticeStatus: 1 };
      await answers(await post(subject, "/misc/set_screen_capture", body), 200, { code: 200 });
      assert.equal(await statusOf(subject, PRIVATE), 1);
      assert.equal(await statusOf(subject, { ...PRIVATE, targetId: "w-1" }, "2"), 1);
      const back = { conversationType: 1, targetId: "w-1", noticeStatus: 0 };
      await post(subject, "/misc/set_screen_capture", back, "2");
      assert.equal(await statusOf(subject, PRIVATE), 0);
    },
  },
  {
    title: "set_screen_capture keeps groups and private conversations apart",
    run: async (subject) => {
      await post(subject, "/misc/set_screen_capture", { ...GROUP, noticeStatus: 1 });
      assert.equal(await statusOf(subject, GROUP, "2"), 1);
      assert.equal(await statusOf(subject, PRIVATE), 0);
    },
  },
  {
    title: "the screen-capture routes read strings of the same digits",
    run: async (subject) => {
      const body = { conversationType: "3", targetId: "w-7", noticeStatus: "1" };
      await answers(await post(subject, "/misc/set_screen_capture", body), 200, { code: 200 });
      assert.equal(await statusOf(subject, { ...GROUP, conversationType: "3" }), 1);
      const report = { ...GROUP, conversationType: "3" };
      await answers(await post(subject, "/misc/send_sc_msg", report), 200, { code: 200 });
    },
  },
  {
    title: "set_screen_capture answers 400 to a noticeStatus that is neither, and stores nothing",
    run: async (subject) => {
      for (const noticeStatus of [7, -1, "7", "01", "on", {}]) {
        const body = { ...PRIVATE, noticeStatus };
        const response = await post(subject, "/misc/set_screen_capture", body);
        await refuses(response, 400, "INVALID_INPUT", /^noticeStatus: expected 0 or 1\.$/);
      }
      assert.equal(await statusOf(subject, PRIVATE), 0);
      assert.deepEqual(await drain(subject.store.outbox), []);
    },
  },
  {
    title: "each set and each report leaves its notice, in order, the sender included",
    run: async (subject) => {
      await post(subject, "/misc/set_screen_capture", { ...GROUP, noticeStatus: 1 });
      await post(subject, "/misc/send_sc_msg", GROUP, "2");
      await post(subject, "/misc/set_screen_capture", { ...GROUP, noticeStatus: 0 });
      const notices = await drain(subject.store.outbox);
      assert.deepEqual(
        notices.map(({ notice }) => notice),
        [
          ["w-1", "openScreenNtf"],
          ["w-2", "sendScreenNtf"],
          ["w-1", "closeScreenNtf"],
        ].map(([senderId, operation]) => ({
          conversationType: "GROUP",
          senderId,
          targetId: "w-7",
          objectName: "ST:ConNtf",
          content: `{"operatorUserId":"${senderId}","operation":"${operation}"}`,
          includeSender: true,
        })),
      );
    },
  },
  {
    title: "send_sc_msg stores its notice whatever the status is, and sends nothing itself",
    run: async (subject) => {
      await answers(await post(subject, "/misc/send_sc_msg", PRIVATE), 200, { code: 200 });
      assert.deepEqual(subject.gateway.taken, []);
      assert.equal((await drain(subject.store.outbox)).length, 1);
    },
  },
  {
    title: "set_screen_capture succeeds while the gateway is away",
    run: async (subject) => {
      subject.gateway.refuseWith({ _tag: "GATEWAY_UNAVAILABLE", delivery: "none", cause: "x" });
      const body = { ...PRIVATE, noticeStatus: 1 };
      await answers(await post(subject, "/misc/set_screen_capture", body), 200, { code: 200 });
    },
  },
  ...(["/misc/set_screen_capture", "/misc/get_screen_capture", "/misc/send_sc_msg"] as const).map(
    (path) => ({
      title: `${path} answers 503 with Retry-After, and not why, when the store is away`,
      run: async (subject: HttpSubject) => {
        subject.setStoreDown(true);
        const response = await post(subject, path, BODIES[path]);
        assert.match(response.headers.get("retry-after") ?? "", /^[1-9]\d*$/);
        const body = await refuses(response, 503, "STORE_UNAVAILABLE");
        assert.doesNotMatch(JSON.stringify(body), /SECRET/);
      },
    }),
  ),
];

const TEAM = { name: "Team", portraitUri: "u", memberCount: 2, maxMemberCount: 500 };

const demoSquare: Contract<HttpSubject> = [
  {
    title: "demo_square answers an empty list where there is none",
    run: async ({ send }) => {
      await answers(await send("/misc/demo_square"), 200, { code: 200, result: [] });
    },
  },
  {
    title: "demo_square answers groups with their profiles and chat rooms by name, in order",
    run: async ({ send, versions, groups }) => {
      groups.put(id("7"), TEAM);
      versions.replace({
        ...sampleRecords,
        demoSquare: [
          { type: "chatroom", id: "9", name: "Lobby" },
          { type: "group", id: 7, name: "not this" },
          { type: "group", id: "8" },
          { type: "group", id: "6", name: "Six", secret: "x" },
          { type: "chatroom", id: "5" },
        ],
      });
      const response = await send("/misc/demo_square");
      assert.equal(response.headers.get("cache-control"), "private");
      const unknown = { portraitUri: "", memberCount: 0, maxMemberCount: 0 };
      await answers(response, 200, {
        code: 200,
        result: [
          { type: "chatroom", id: "w-9", name: "Lobby" },
          { type: "group", id: "w-7", ...TEAM },
          { type: "group", id: "w-8", name: "Unknown", ...unknown },
          { type: "group", id: "w-6", name: "Six", ...unknown },
          { type: "chatroom", id: "w-5", name: "Unknown" },
        ],
      });
    },
  },
  {
    title: "demo_square needs no session and ignores a broken one, and other parameters",
    run: async ({ send }) => {
      const headers = { authorization: "Bearer x", cookie: `${COOKIE}=x; ${LEGACY_COOKIE}=x` };
      assert.equal((await send("/misc/demo_square?a=b", { headers })).status, 200);
    },
  },
  {
    title: "demo_square keeps the last good list when a broken one comes",
    run: async ({ send, versions }) => {
      const demoSquare = [{ type: "chatroom", id: "9", name: "Lobby" }];
      versions.replace({ ...sampleRecords, demoSquare });
      versions.replace({ ...sampleRecords, demoSquare: [{ type: "channel", id: "9" }] });
      const result = [{ type: "chatroom", id: "w-9", name: "Lobby" }];
      await answers(await send("/misc/demo_square"), 200, { code: 200, result });
      await refuses(await send("/readyz"), 503, "VERSIONS_UNAVAILABLE");
    },
  },
  {
    title: "demo_square answers 503 when nobody can say what its groups are called",
    run: async (subject) => {
      const { send, versions } = subject;
      const lobby = { type: "chatroom", id: "9", name: "Lobby" };
      subject.setStoreDown(true);
      versions.replace({ ...sampleRecords, demoSquare: [lobby, { type: "group", id: "7" }] });
      const response = await send("/misc/demo_square");
      assert.match(response.headers.get("retry-after") ?? "", /^[1-9]\d*$/);
      const body = await refuses(response, 503, "STORE_UNAVAILABLE");
      assert.doesNotMatch(JSON.stringify(body), /SECRET/);
      versions.replace({ ...sampleRecords, demoSquare: [lobby] });
      assert.equal((await send("/misc/demo_square")).status, 200);
    },
  },
];

const paths: Contract<HttpSubject> = [
  ...GETS.map((path) => ({
    title: `${path} serves HEAD as GET, without the body`,
    run: async ({ send }: HttpSubject) => {
      const get = await send(path);
      const head = await send(path, { method: "HEAD" });
      assert.deepEqual([head.status, await head.text()], [get.status, ""]);
      assert.equal(head.headers.get("content-type"), get.headers.get("content-type"));
      assert.equal(head.headers.get("etag"), get.headers.get("etag"));
    },
  })),
  ...[
    ...GETS.map(
      (path) => [path, ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"], "GET, HEAD"] as const,
    ),
    ...POSTS.map((path) => [path, ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"], "POST"] as const),
  ].map(([path, methods, allow]) => ({
    title: `${path} answers 405 with Allow to other methods`,
    run: async ({ send }: HttpSubject) => {
      for (const method of methods) {
        const response = await send(path, { method });
        assert.deepEqual([response.status, response.headers.get("allow")], [405, allow]);
        if (method !== "HEAD") {
          await refuses(response, 405, "METHOD_NOT_ALLOWED");
        }
      }
    },
  })),
  {
    title: "a trailing slash is the same route",
    run: async (subject) => {
      const update = await subject.send("/misc/latest_update/?version=1.0.0");
      await answers(update, 200, sampleRecords.desktop);
      const response = await post(subject, "/misc/get_screen_capture/", PRIVATE);
      await answers(response, 200, { code: 200, result: { status: 0 } });
      assert.equal((await subject.send("/misc/send_message/")).status, 405);
    },
  },
  ...[
    "/",
    "/misc",
    "/misc/nothing",
    "/misc/latest_update/x",
    "/constructor",
    "/misc//client_version",
  ].map((path) => ({
    title: `${path} is 404 for every method`,
    run: async ({ send }: HttpSubject) => {
      await refuses(await send(path), 404, "NOT_FOUND");
      await refuses(await send(path, { method: "POST", body: "{}" }), 404, "NOT_FOUND");
    },
  })),
  {
    title: "every answer is data, and never a page or a part of one",
    run: async ({ send }) => {
      const answers = await Promise.all([
        send("/misc/client_version"),
        send("/misc/latest_update?version=9.0.0"),
        send("/misc/send_message", { method: "POST" }),
        send("/nothing"),
        send("/metrics"),
      ]);
      for (const { headers } of answers) {
        assert.equal(headers.get("x-content-type-options"), "nosniff");
        assert.equal(headers.get("referrer-policy"), "no-referrer");
        assert.match(headers.get("content-security-policy") ?? "", /default-src 'none'/);
        assert.match(headers.get("content-security-policy") ?? "", /frame-ancestors 'none'/);
      }
    },
  },
  {
    title: "every answer carries the caller's X-Request-Id if it is one, else a new one",
    run: async ({ send, tokenFor }) => {
      const requests: ReadonlyArray<readonly [string, RequestInit]> = [
        ["/misc/latest_update?version=1.0.0", {}],
        ["/misc/latest_update?version=9.0.0", {}],
        ["/misc/latest_update", {}],
        ["/misc/client_version", { headers: { "if-none-match": "*" } }],
        ["/misc/send_message", { method: "POST" }],
        ["/misc/send_message", {}],
        ["/nothing", {}],
        ["/healthz", {}],
        [
          "/misc/get_screen_capture",
          {
            method: "POST",
            body: JSON.stringify(PRIVATE),
            headers: { authorization: `Bearer ${await tokenFor("1")}` },
          },
        ],
      ];
      for (const [path, init] of requests) {
        const idFor = async (offered: string | undefined): Promise<string> => {
          const headers = { ...init.headers, ...(offered && { "x-request-id": offered }) };
          return (await send(path, { ...init, headers })).headers.get("x-request-id") ?? "";
        };
        assert.equal(await idFor("Az09._-"), "Az09._-");
        assert.equal(await idFor("x".repeat(128)), "x".repeat(128));
        const made = [undefined, "a b", "x".repeat(129), "<script>"].map(idFor);
        const ids = new Set(await Promise.all(made));
        assert.equal(ids.size, 4);
        for (const id of ids) {
          assert.match(id, /^[A-Za-z0-9._-]{1,128}$/);
          assert.notEqual(id, "x".repeat(129));
        }
      }
    },
  },
];

const operations: Contract<HttpSubject> = [
  {
    title: "/healthz answers 200 whatever is down",
    run: async (subject) => {
      subject.setStoreDown(true);
      assert.equal((await subject.send("/healthz")).status, 200);
    },
  },
  {
    title: "/readyz answers 200 when all parts work",
    run: async ({ send }) => {
      await answers(await send("/readyz"), 200, { status: "ready" });
    },
  },
  {
    title: "/readyz answers 503 and names the parts that do not work",
    run: async (subject) => {
      subject.versions.replace({ desktop: null, mobile: null });
      const versions = await refuses(await subject.send("/readyz"), 503, "VERSIONS_UNAVAILABLE");
      assert.deepEqual(versions.unready, ["versions"]);
      subject.setStoreDown(true);
      subject.gateway.refuseWith({ _tag: "GATEWAY_REJECTED", gatewayCode: 1004, cure: "operator" });
      const all = await refuses(await subject.send("/readyz"), 503, "STORE_UNAVAILABLE");
      assert.deepEqual(all.unready, ["store", "versions", "gateway"]);
      assert.doesNotMatch(JSON.stringify(all), /SECRET/);
    },
  },
  {
    title: "a broken release leaves the last good one served",
    run: async ({ send, versions }) => {
      versions.replace({ desktop: { version: "abc" }, mobile: null });
      await answers(await send("/misc/latest_update?version=1.0.0"), 200, sampleRecords.desktop);
    },
  },
  {
    title: "/metrics answers in Prometheus' text format",
    run: async ({ send }) => {
      const response = await send("/metrics");
      assert.match(response.headers.get("content-type") ?? "", /^text\/plain; version=0\.0\.4/);
      assert.match(await response.text(), /^# HELP /m);
    },
  },
  {
    title: "/openapi.json answers an OpenAPI document",
    run: async ({ send }) => {
      const document = JSON.parse(await (await send("/openapi.json")).text());
      assert.match(document.openapi, /^3\.1\./);
    },
  },
];

/**
 * The HTTP section of the contract, for every HTTP face.
 *
 * @example
 * ```ts
 * import { httpContract, makeWorld } from "sealtalk-misc/contract";
 * import { makeFetchHandler } from "sealtalk-misc/fetch";
 *
 * const contentType = "text/plain; version=0.0.4";
 * const operations = {
 *   metrics: { contentType, read: async () => "# HELP a A.\n" },
 *   openApi: async () => '{"openapi":"3.1.0"}',
 * };
 * for (const { run } of httpContract) {
 *   const world = await makeWorld();
 *   const handle = makeFetchHandler({ ...world, operations });
 *   const send = (path: string, init?: RequestInit) =>
 *     handle(new Request(new URL(path, "http://localhost"), init));
 *   await run({ ...world, send });
 * }
 * ```
 */
export const httpContract: Contract<HttpSubject> = [
  ...versionRoutes,
  ...sessions,
  ...bodies,
  ...sendMessage,
  ...screenCapture,
  ...demoSquare,
  ...paths,
  ...operations,
];
