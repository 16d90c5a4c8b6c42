import { once } from "node:events";
import { request } from "node:http";
import { connect } from "node:net";
import Hapi from "@hapi/hapi";
import { makeServer, miscPlugin, type ServerOptions } from "../../adapters/hapi/mod.ts";
import { makeMemoryPorts, makeMemoryVersions, sampleRecords } from "../../adapters/memory/mod.ts";
import { makeMetrics } from "../../adapters/metrics/mod.ts";
import { makeFailureLimit, makeRateLimit } from "../../adapters/rate-limit/mod.ts";
import { createMisc } from "../../core/mod.ts";
import { type HttpSubject, httpContract } from "../contract/http.ts";
import { COOKIE, makeWorld, type World } from "../contract/world.ts";
import { testContract } from "../support/contract.ts";
import { test } from "../support/test.ts";

const serverOf = async (
  { misc, sessions, store }: World,
  overrides: Partial<ServerOptions> = {},
): Promise<Hapi.Server> =>
  makeServer({
    misc,
    sessions,
    metrics: makeMetrics(store),
    openApi: async () => '{"openapi":"3.1.0"}',
    host: "127.0.0.1",
    port: 0,
    corsOrigins: [],
    ...overrides,
  });

const injected =
  (server: Hapi.Server, remoteAddress = "127.0.0.1"): HttpSubject["send"] =>
  async (path, init = {}) => {
    const outgoing = new Request(new URL(path, "http://localhost"), init);
    const { statusCode, headers, rawPayload } = await server.inject({
      method: outgoing.method,
      url: path,
      remoteAddress,
      headers: Object.fromEntries(outgoing.headers),
      payload: Buffer.from(await outgoing.arrayBuffer()),
    });
    const body = [204, 304].includes(statusCode) ? null : new Uint8Array(rawPayload);
    const incoming = new Response(body, { status: statusCode });
    for (const [name, value] of Object.entries(headers)) {
      incoming.headers.set(name, String(value));
    }
    return incoming;
  };

testContract("hapi by inject", httpContract, async () => {
  const world = await makeWorld();
  const server = await serverOf(world);
  return { subject: { ...world, send: injected(server) }, close: () => server.stop() };
});

testContract("hapi on a socket", httpContract, async () => {
  const world = await makeWorld();
  const server = await serverOf(world);
  await server.start();
  return {
    subject: { ...world, send: (path, init) => fetch(`${server.info.uri}${path}`, init) },
    close: () => server.stop(),
  };
});

const JSON_BODY = { "content-type": "application/json" };

const raw = async (server: Hapi.Server, text: string): Promise<string> => {
  const socket = connect(Number(server.info.port), "127.0.0.1");
  socket.setEncoding("utf8");
  await once(socket, "connect");
  socket.write(text);
  let answer = "";
  for await (const chunk of socket) {
    answer += chunk;
  }
  return answer;
};

test("a body sent in chunks is bounded as one whose length is announced", async (t) => {
  const world = await makeWorld();
  const server = await serverOf(world);
  await server.start();
  const outgoing = request(`${server.info.uri}/misc/send_message`, {
    method: "POST",
    headers: {
      authorization: `Bearer ${await world.tokenFor("1")}`,
      "content-type": "application/json",
      "transfer-encoding": "chunked",
    },
  });
  outgoing.on("error", () => {});
  const chunk = " ".repeat(64 * 1024);
  outgoing.write(chunk);
  outgoing.write(chunk);
  outgoing.write(" ");
  const [incoming] = await once(outgoing, "response");
  t.is(incoming.statusCode, 413);
  outgoing.destroy();
  await server.stop();
});

test("a path that cannot be read is the caller's fault", async (t) => {
  const server = await serverOf(await makeWorld());
  for (const url of ["/misc/%zz", "/%00%ff"]) {
    const { statusCode, payload, headers } = await server.inject(url);
    t.true([400, 404].includes(statusCode));
    t.is(JSON.parse(payload).code, statusCode);
    t.truthy(headers["x-request-id"]);
  }
});

test("a fault of our own is a 500 that does not say what happened", async (t) => {
  const world = await makeWorld();
  const misc = {
    ...world.misc,
    mobileVersions: () => () => Promise.reject(new Error("SECRET CAUSE")),
  };
  const errors: unknown[] = [];
  const server = await serverOf(
    { ...world, misc },
    { onAnswered: ({ answer }) => errors.push(answer.error) },
  );
  const { statusCode, payload } = await server.inject("/misc/client_version");
  t.is(statusCode, 500);
  t.deepEqual(Object.keys(JSON.parse(payload)), ["code", "error", "message"]);
  t.notRegex(payload, /SECRET/);
  t.like(errors, [{ _tag: "INTERNAL_ERROR" }]);
});

test("a user who asks too often is told how long to wait, and the others are not kept", async (t) => {
  const world = await makeWorld();
  const send = injected(await serverOf(world, { rateLimit: makeRateLimit(2) }));
  const ask = async (user: string): Promise<Response> =>
    send("/misc/get_screen_capture", {
      method: "POST",
      body: '{"conversationType":3,"targetId":"w-7"}',
      headers: { ...JSON_BODY, authorization: `Bearer ${await world.tokenFor(user)}` },
    });
  t.is((await ask("1")).status, 200);
  t.is((await ask("1")).status, 200);
  const third = await ask("1");
  t.is(third.status, 429);
  t.like(await third.json(), { code: 429, error: "RATE_LIMITED" });
  t.regex(third.headers.get("retry-after") ?? "", /^[1-9]\d?$/);
  t.is((await ask("2")).status, 200);
  t.is((await send("/misc/client_version")).status, 200);
  for (const path of ["/misc/demo_square", "/misc/demo_square", "/misc/demo_square"]) {
    t.is((await send(path)).status, 200);
  }
});

for (const [what, remoteAddress, trustedProxies, refused] of [
  [
    "whoever connects, whatever X-Forwarded-For says",
    "203.0.113.9",
    [],
    ["192.0.2.1", "192.0.2.2"],
  ],
  ["nobody, behind what is most likely a proxy", "127.0.0.1", [], []],
  ["the address that a trusted proxy names", "127.0.0.1", ["127.0.0.1"], ["192.0.2.1"]],
] as const) {
  test(`failed sessions count against ${what}`, async (t) => {
    const world = await makeWorld();
    const failureLimit = makeFailureLimit(2);
    const server = await serverOf(world, { failureLimit, trustedProxies });
    const send = injected(server, remoteAddress);
    const ask = async (address: string, token: string): Promise<Response> =>
      send("/misc/get_screen_capture", {
        method: "POST",
        headers: {
          ...JSON_BODY,
          authorization: `Bearer ${token}`,
          "x-forwarded-for": `198.51.100.7, ${address}`,
        },
        body: '{"conversationType":1,"targetId":"w-2"}',
      });
    t.is((await ask("192.0.2.1", "x")).status, 401);
    t.is((await ask("192.0.2.1", "x")).status, 401);
    const token = await world.tokenFor("1");
    for (const address of ["192.0.2.1", "192.0.2.2"]) {
      const isRefused = refused.some((one: string) => one === address);
      const answer = await ask(address, token);
      t.is(answer.status, isRefused ? 429 : 200, address);
      t.is(answer.headers.has("retry-after"), isRefused);
    }
    const without = await send("/misc/get_screen_capture", { method: "POST" });
    t.is(without.status, 401);
  });
}

for (const [what, spelled] of [
  ["a port behind it", ["192.0.2.1:50001", "192.0.2.1:50002", "192.0.2.1"]],
  ["as IPv6", ["192.0.2.1", "::ffff:192.0.2.1", "::FFFF:192.0.2.1"]],
  ["other addresses of its network", ["2001:db8::1", "2001:0db8:0:0::2", "[2001:db8::3]:443"]],
] as const) {
  test(`a client's failed sessions count together, whatever the proxy has: ${what}`, async (t) => {
    const options = { failureLimit: makeFailureLimit(2), trustedProxies: ["127.0.0.1"] };
    const send = injected(await serverOf(await makeWorld(), options), "127.0.0.1");
    const statuses: number[] = [];
    for (const address of [...spelled, "192.0.2.9", "2001:db8:0:1::1", "unknown", "unknown"]) {
      const headers = { ...JSON_BODY, authorization: "Bearer x", "x-forwarded-for": address };
      statuses.push((await send("/misc/get_screen_capture", { method: "POST", headers })).status);
    }
    t.deepEqual(statuses, [401, 401, 429, 401, 401, 401, 401]);
  });
}

test("a connection is closed whose request cannot be read, also if its client stays", async (t) => {
  const server = await serverOf(await makeWorld());
  await server.start();
  const accepted = once(server.listener, "connection");
  const client = connect({ port: Number(server.info.port), allowHalfOpen: true });
  t.teardown(() => client.destroy());
  client.write("nonsense\r\n\r\n");
  const [theirs] = await accepted;
  await once(theirs, "close");
  t.true(theirs.destroyed);
  await server.stop();
});

test("a page of a configured origin may call with credentials, one of another may not", async (t) => {
  const origin = "https://web.example.com";
  const world = await makeWorld();
  const send = injected(await serverOf(world, { corsOrigins: [origin] }));
  const preflight = (from: string): Promise<Response> =>
    send("/misc/get_screen_capture", {
      method: "OPTIONS",
      headers: {
        origin: from,
        "access-control-request-method": "POST",
        "access-control-request-headers": "content-type,authorization",
      },
    });
  const allowed = await preflight(origin);
  t.is(allowed.headers.get("access-control-allow-origin"), origin);
  t.is(allowed.headers.get("access-control-allow-credentials"), "true");
  t.regex(allowed.headers.get("access-control-allow-methods") ?? "", /POST/);
  t.is(
    (await preflight("https://evil.example.com")).headers.get("access-control-allow-origin"),
    null,
  );
  for (const path of ["/misc/client_version", "/misc/demo_square"]) {
    const answer = await send(path, { headers: { origin } });
    t.is(answer.headers.get("access-control-allow-origin"), origin);
  }
  const other = await send("/misc/client_version", { headers: { origin: "null" } });
  t.is(other.headers.get("access-control-allow-origin"), null);
});

test("miscPlugin serves the routes of /misc in a server of one's own, and no others", async (t) => {
  const { misc, sessions, tokenFor } = await makeWorld();
  const server = Hapi.server();
  server.route({ method: "GET", path: "/mine", handler: () => "mine" });
  await server.register({ plugin: miscPlugin, options: { misc, sessions } });
  t.is((await server.inject("/mine")).payload, "mine");
  t.is((await server.inject("/misc/client_version")).statusCode, 200);
  t.is((await server.inject("/healthz")).statusCode, 404);
  const { statusCode } = await server.inject({
    method: "POST",
    url: "/misc/get_screen_capture",
    headers: { cookie: `${COOKIE}=${await tokenFor("1")}`, "content-type": "application/json" },
    payload: { conversationType: 1, targetId: "w-2" },
  });
  t.is(statusCode, 200);
});

test("requests that run together do not see each other's caller", async (t) => {
  const world = await makeWorld();
  const send = injected(await serverOf(world));
  const [friend, stranger] = await Promise.all([world.tokenFor("1"), world.tokenFor("3")]);
  const statuses = await Promise.all(
    Array.from({ length: 40 }, async (_, index) => {
      const token = index % 2 === 0 ? friend : stranger;
      const { status } = await send("/misc/set_screen_capture", {
        method: "POST",
        headers: { ...JSON_BODY, authorization: `Bearer ${token}` },
        body: '{"conversationType":1,"targetId":"w-2","noticeStatus":1}',
      });
      return status;
    }),
  );
  t.deepEqual(
    statuses,
    Array.from({ length: 40 }, (_, index) => (index % 2 === 0 ? 200 : 403)),
  );
});

test("without a valid release the version routes answer 503 with Retry-After, and not why", async (t) => {
  const world = await makeWorld();
  const { versions } = makeMemoryVersions({ desktop: null, mobile: null });
  const send = injected(
    await serverOf({ ...world, misc: createMisc(makeMemoryPorts({ versions })) }),
  );
  for (const path of [
    "latest_update?version=1.0.0",
    "mobile_version",
    "client_version",
    "demo_square",
  ]) {
    const response = await send(`/misc/${path}`);
    t.is(response.status, 503);
    t.regex(response.headers.get("retry-after") ?? "", /^[1-9]\d*$/);
    const body = await response.text();
    t.like(JSON.parse(body), { code: 503, error: "VERSIONS_UNAVAILABLE" });
    t.notRegex(body, /desktop/);
  }
});

test("a demo square whose groups are never told is a 503", async (t) => {
  const { versions } = makeMemoryVersions({
    ...sampleRecords,
    demoSquare: [{ type: "group", id: "7" }],
  });
  const groups = { profilesOf: () => () => new Promise<never>(() => {}) };
  const misc = createMisc(makeMemoryPorts({ versions, groups }));
  const send = injected(await serverOf({ ...(await makeWorld()), misc }, { deadlineMs: 50 }));
  const response = await send("/misc/demo_square");
  t.is(response.status, 503);
  t.like(await response.json(), { code: 503, error: "STORE_UNAVAILABLE" });
});

test("a POST whose store never answers is a 503", async (t) => {
  const world = await makeWorld();
  const never = () => () => new Promise<never>(() => {});
  const misc = createMisc(
    makeMemoryPorts({ relationships: { areFriends: never, isMember: never } }),
  );
  const send = injected(await serverOf({ ...world, misc }, { deadlineMs: 50 }));
  const response = await send("/misc/get_screen_capture", {
    method: "POST",
    headers: { ...JSON_BODY, authorization: `Bearer ${await world.tokenFor("1")}` },
    body: '{"conversationType":1,"targetId":"w-2"}',
  });
  t.is(response.status, 503);
  t.like(await response.json(), { code: 503, error: "STORE_UNAVAILABLE" });
});

for (const [title, request, status] of [
  ["no HTTP at all", "hello\r\n\r\n", 400],
  ["a header that is too long", `GET / HTTP/1.1\r\nX: ${"x".repeat(20_000)}\r\n\r\n`, 400],
  ["a method that nobody knows", "FOO / HTTP/1.1\r\nHost: x\r\n\r\n", 400],
  ["no Host", "GET /nothing HTTP/1.1\r\nConnection: close\r\n\r\n", 404],
  [
    "a Host that is none",
    "GET /misc/latest_update?version=1.0.0 HTTP/1.1\r\nHost: a b\r\nConnection: close\r\n\r\n",
    200,
  ],
] as const) {
  test(`${title} is answered in JSON, with a request id: ${status}`, async (t) => {
    const server = await serverOf(await makeWorld());
    await server.start();
    const answer = await raw(server, request);
    t.regex(answer, new RegExp(`^HTTP/1\\.1 ${status} `));
    t.regex(answer, /^x-request-id: [A-Za-z0-9._-]+\r$/im);
    t.notThrows(() => JSON.parse(answer.slice(answer.indexOf("\r\n\r\n"))));
    await server.stop();
  });
}

test("OPTIONS that are no preflight are another method, also where origins are configured", async (t) => {
  const send = injected(
    await serverOf(await makeWorld(), { corsOrigins: ["https://web.example.com"] }),
  );
  const known = await send("/misc/send_message", { method: "OPTIONS" });
  t.deepEqual([known.status, known.headers.get("allow")], [405, "POST"]);
  t.is((await send("/nothing", { method: "OPTIONS" })).status, 404);
  const preflight = await send("/misc/send_message", {
    method: "OPTIONS",
    headers: { origin: "https://evil.example.com", "access-control-request-method": "POST" },
  });
  const unreadable = await send("/misc/%zz", {
    method: "OPTIONS",
    headers: { origin: "https://web.example.com", "access-control-request-method": "POST" },
  });
  t.is(unreadable.status, 400);
  t.truthy(preflight.headers.get("x-request-id"));
  t.is(preflight.headers.get("access-control-allow-origin"), null);
});

test("what a strong ETag stands for is not compressed", async (t) => {
  const world = await makeWorld();
  world.versions.replace({
    desktop: { ...Object(sampleRecords.desktop), notes: "x".repeat(5_000) },
    mobile: sampleRecords.mobile,
  });
  const server = await serverOf(world);
  const { headers } = await server.inject({
    url: "/misc/latest_update?version=1.0.0",
    headers: { "accept-encoding": "gzip" },
  });
  t.is(headers["content-encoding"], undefined);
});
