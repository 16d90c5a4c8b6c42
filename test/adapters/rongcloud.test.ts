import { createServer } from "node:https";
import test, { type ExecutionContext } from "ava";
import { generate } from "selfsigned";
import {
  makeRongCloudGateway,
  probeRongCloud,
  type RongCloudAttempt,
  type RongCloudOptions,
} from "../../adapters/rongcloud/mod.ts";
import type { OutboundMessage } from "../../core/domain/message.ts";
import { gatewayContract } from "../contract/message-gateway.ts";
import { testContract } from "../support/contract.ts";
import { fail, succeed, wireId } from "../support/expect.ts";
import {
  type Behaviour,
  type FakeRongCloud,
  listen,
  startFakeRongCloud,
} from "../support/fake-rongcloud.ts";

const KEYS = { appKey: "the-key", appSecret: "the-secret" };

// Long enough for a machine that does much else, short enough to wait for.
const SHORT = { attemptMs: 500, callMs: 900 };

// For what must not end by the deadline.
const LONG = { attemptMs: 20_000, callMs: 30_000 };

const AMBIGUOUS: ReadonlyArray<Behaviour> = [
  "hang",
  "reset",
  "take then reset",
  "half a body",
  "endless body",
  "garbage",
  { status: 500, code: 1000 },
  { status: 504, code: 1050 },
  { status: 502 },
];

const PRIVATE: OutboundMessage = {
  conversationType: "PRIVATE",
  senderId: wireId("alice"),
  targetId: wireId("bob"),
  objectName: "RC:TxtMsg",
  content: '{"content":"hello"}',
  includeSender: true,
};

const GROUP: OutboundMessage = {
  ...PRIVATE,
  conversationType: "GROUP",
  targetId: wireId("friends"),
  includeSender: false,
};

testContract("rongcloud", gatewayContract, async () => {
  const fake = await startFakeRongCloud(KEYS);
  const gateway = makeRongCloudGateway({ ...KEYS, ...SHORT, hosts: [fake.url, fake.url] });
  const cloud = {
    take: () => fake.behave("take"),
    refuse: () => fake.behave({ status: 400, code: 1002 }),
    lockOut: () => fake.behave({ status: 401, code: 1006 }),
    takeInSilence: () => fake.behave("take then reset"),
    hang: () => fake.behave("hang"),
    vanish: fake.close,
    taken: () => fake.taken.length,
  };
  return { subject: { gateway, cloud }, close: fake.close };
});

interface Hosts {
  readonly first: FakeRongCloud;
  readonly second: FakeRongCloud;
  readonly options: RongCloudOptions;
}

/** Tests with a primary and a backup host, and deadlines that no answer of theirs meets. */
const testHosts = (
  title: string,
  run: (t: ExecutionContext, hosts: Hosts) => Promise<void>,
): void => {
  test(title, async (t) => {
    const [first, second] = await Promise.all([startFakeRongCloud(KEYS), startFakeRongCloud(KEYS)]);
    try {
      await run(t, {
        first,
        second,
        options: { ...KEYS, ...LONG, hosts: [first.url, second.url] },
      });
    } finally {
      await Promise.all([first.close(), second.close()]);
    }
  });
};

testHosts("send() posts a private message's fields and no more", async (t, { first, options }) => {
  await succeed(makeRongCloudGateway(options).send(PRIVATE));
  t.deepEqual(
    first.taken.map(({ path, form }) => ({ path, form })),
    [
      {
        path: "/message/private/publish.json",
        form: {
          fromUserId: "alice",
          toUserId: "bob",
          objectName: "RC:TxtMsg",
          content: '{"content":"hello"}',
          isIncludeSender: "1",
        },
      },
    ],
  );
});

testHosts("send() posts a group message's fields and no more", async (t, { first, options }) => {
  await succeed(makeRongCloudGateway(options).send(GROUP));
  t.deepEqual(
    first.taken.map(({ path, form }) => ({ path, form })),
    [
      {
        path: "/message/group/publish.json",
        form: {
          fromUserId: "alice",
          toGroupId: "friends",
          objectName: "RC:TxtMsg",
          content: '{"content":"hello"}',
          isIncludeSender: "0",
          isMentioned: "0",
        },
      },
    ],
  );
});

testHosts("send() hands on texts as they are", async (t, { first, options }) => {
  const content = 'a=b&c=d+e %20 \\ "quoted"\r\n\t截屏 👩‍👩‍👧 \u0000é';
  const pushContent = "推送 & 100% 🎉";
  await succeed(makeRongCloudGateway(options).send({ ...GROUP, content, pushContent }));
  t.is(first.taken[0]?.form.content, content);
  t.is(first.taken[0]?.form.pushContent, pushContent);
});

testHosts("send() hands on an empty pushContent", async (t, { first, options }) => {
  await succeed(makeRongCloudGateway(options).send({ ...PRIVATE, pushContent: "" }));
  t.is(first.taken[0]?.form.pushContent, "");
});

testHosts("each attempt is signed anew and has an id of its own", async (t, hosts) => {
  const seen: Headers[] = [];
  const ids: string[] = [];
  const gateway = makeRongCloudGateway({
    ...hosts.options,
    now: () => Date.parse("2024-01-01"),
    fetch: async (_url, init) => {
      seen.push(new Headers(init?.headers));
      throw new TypeError("fetch failed", {
        cause: Object.assign(new Error("refused"), { code: "ECONNREFUSED" }),
      });
    },
    onAttempt: ({ requestId }) => ids.push(requestId),
  });
  await fail(gateway.send(PRIVATE));
  await fail(gateway.send(PRIVATE));
  const all = (name: string): ReadonlyArray<string | null> => seen.map((one) => one.get(name));
  for (const name of ["signature", "nonce", "x-request-id"]) {
    t.is(new Set(all(name)).size, 4, name);
  }
  t.deepEqual(all("x-request-id"), ids);
  t.true(ids.every((one) => one.length <= 36));
  t.deepEqual([...new Set(all("timestamp"))], ["1704067200"]);
});

testHosts("send() goes to the backup host when the first refuses connections", async (t, hosts) => {
  await hosts.first.close();
  await succeed(makeRongCloudGateway(hosts.options).send(PRIVATE));
  t.is(hosts.second.taken.length, 1);
});

testHosts("send() keeps to the host that answered", async (t, { first, second, options }) => {
  await first.close();
  const hosts: string[] = [];
  const gateway = makeRongCloudGateway({ ...options, onAttempt: ({ host }) => hosts.push(host) });
  await succeed(gateway.send(PRIVATE));
  await succeed(gateway.send(PRIVATE));
  t.deepEqual(hosts, [first.url, second.url, second.url]);
});

for (const behaviour of AMBIGUOUS) {
  const title = `send() repeats nothing at the backup host after ${JSON.stringify(behaviour)}`;
  testHosts(title, async (t, { first, second, options }) => {
    first.behave(behaviour);
    const deadlines = behaviour === "hang" ? SHORT : LONG;
    const error = await fail(makeRongCloudGateway({ ...options, ...deadlines }).send(PRIVATE));
    t.like(error, { _tag: "GATEWAY_UNAVAILABLE", delivery: "unknown" });
    t.deepEqual([first.attempts, second.attempts], [1, 0]);
  });
}

for (const behaviour of ["hang", { status: 500, code: 1000 }] as const) {
  const title = `the call after ${JSON.stringify(behaviour)} prefers the other host, and goes back`;
  testHosts(title, async (t, { first, second, options }) => {
    const gateway = makeRongCloudGateway({ ...options, ...SHORT });
    first.behave(behaviour);
    await fail(gateway.send(PRIVATE));
    first.behave("take");
    await succeed(gateway.send(PRIVATE));
    t.deepEqual([first.taken.length, second.taken.length], [0, 1]);
    second.behave(behaviour);
    await fail(gateway.send(PRIVATE));
    await succeed(gateway.send(PRIVATE));
    t.deepEqual([first.taken.length, second.taken.length], [1, 1]);
  });
}

for (const limit of [
  { status: 429, code: 1008, retryAfter: 7 },
  { status: 200, code: 1008, retryAfter: 7 },
  { status: 429, retryAfter: 7 },
]) {
  const title = `send() does not go elsewhere with ${JSON.stringify(limit)}, now or next time`;
  testHosts(title, async (t, { first, second, options }) => {
    const gateway = makeRongCloudGateway(options);
    first.behave(limit);
    t.deepEqual(await fail(gateway.send(PRIVATE)), {
      _tag: "GATEWAY_UNAVAILABLE",
      delivery: "none",
      cause: "rate limit",
      retryAfter: 7,
    });
    first.behave("take");
    await succeed(gateway.send(PRIVATE));
    t.deepEqual([first.attempts, second.attempts], [2, 0]);
  });
}

const NOW = Date.parse("2024-01-01T00:00:00Z");

for (const [retryAfter, seconds] of [
  [undefined, undefined],
  ["0", 0],
  ["999999", 3_600],
  ["soon", undefined],
  [new Date(NOW + 30_000).toUTCString(), 30],
  [new Date(NOW - 30_000).toUTCString(), 0],
] as const) {
  testHosts(`send() reads Retry-After ${retryAfter} as ${seconds}`, async (t, hosts) => {
    const limit = { status: 429, code: 1008 };
    hosts.first.behave(retryAfter === undefined ? limit : { ...limit, retryAfter });
    const error = await fail(
      makeRongCloudGateway({ ...hosts.options, now: () => NOW }).send(PRIVATE),
    );
    t.is(error._tag === "GATEWAY_UNAVAILABLE" ? error.retryAfter : "rejected", seconds);
  });
}

for (const status of [301, 302, 307, 308]) {
  testHosts(`send() does not follow a redirect with ${status}`, async (t, hosts) => {
    const { first, second, options } = hosts;
    first.behave({ status, location: `${second.url}/message/private/publish.json` });
    const error = await fail(makeRongCloudGateway(options).send(PRIVATE));
    t.like(error, { _tag: "GATEWAY_UNAVAILABLE", delivery: "unknown" });
    t.deepEqual([first.attempts, second.attempts], [1, 0]);
  });
}

testHosts("send() waits for an answer that is late but in time", async (t, { first, options }) => {
  first.behave({ delayMs: 50 });
  await succeed(makeRongCloudGateway(options).send(PRIVATE));
  t.is(first.attempts, 1);
});

testHosts("send() never accepts a certificate that nobody vouches for", async (t, hosts) => {
  const { private: key, cert } = await generate([{ name: "commonName", value: "127.0.0.1" }], {
    keyType: "ec",
    algorithm: "sha256",
    extensions: [{ name: "subjectAltName", altNames: [{ type: 7, ip: "127.0.0.1" }] }],
  });
  let requests = 0;
  const impostor = await listen(
    createServer({ key, cert }, (_request, response) => {
      requests += 1;
      response.end('{"code":200}');
    }),
  );
  const alone = makeRongCloudGateway({ ...hosts.options, hosts: [impostor.url] });
  const error = await fail(alone.send(PRIVATE));
  t.like(error, { _tag: "GATEWAY_UNAVAILABLE", delivery: "none" });
  t.regex(error._tag === "GATEWAY_UNAVAILABLE" ? error.cause : "", /certificate/);

  const backed = makeRongCloudGateway({
    ...hosts.options,
    hosts: [impostor.url, hosts.second.url],
  });
  await succeed(backed.send(PRIVATE));
  t.deepEqual([requests, hosts.second.taken.length], [0, 1]);
  await impostor.close();
});

testHosts("ready() forgets a failure after 30 seconds", async (t, { first, options }) => {
  let now = NOW;
  const gateway = makeRongCloudGateway({ ...options, now: () => now });
  first.behave({ status: 401, code: 1004 });
  const error = await fail(gateway.send(PRIVATE));
  t.deepEqual(error, { _tag: "GATEWAY_REJECTED", gatewayCode: 1004, cure: "operator" });
  now += 29_999;
  t.deepEqual(await fail(gateway.ready()), error);
  now += 1;
  await succeed(gateway.ready());
  await fail(gateway.send(PRIVATE));
  t.deepEqual(await fail(gateway.ready()), error);
});

testHosts("ready() heeds a refused message as a sign of life", async (t, { first, options }) => {
  const gateway = makeRongCloudGateway(options);
  first.behave({ status: 429, code: 1008 });
  await fail(gateway.send(PRIVATE));
  t.like(await fail(gateway.ready()), { cause: "rate limit" });
  first.behave({ status: 403, code: 2007 });
  await fail(gateway.send(PRIVATE));
  await succeed(gateway.ready());
});

testHosts("probeRongCloud() succeeds and sends no message", async (t, { first, options }) => {
  await succeed(probeRongCloud(options));
  t.deepEqual([first.attempts, first.taken.length], [1, 0]);
});

testHosts("probeRongCloud() succeeds when only its group is refused", async (t, hosts) => {
  hosts.first.behave({ status: 404, code: 20406 });
  await succeed(probeRongCloud(hosts.options));
  t.is(hosts.first.attempts, 1);
});

testHosts("probeRongCloud() tells of a wrong secret", async (t, { options }) => {
  t.deepEqual(await fail(probeRongCloud({ ...options, appSecret: "another" })), {
    _tag: "GATEWAY_REJECTED",
    gatewayCode: 1004,
    cure: "operator",
  });
});

testHosts(
  "probeRongCloud() tells of hosts that are gone",
  async (t, { first, second, options }) => {
    await Promise.all([first.close(), second.close()]);
    t.like(await fail(probeRongCloud(options)), {
      _tag: "GATEWAY_UNAVAILABLE",
      delivery: "none",
    });
  },
);

testHosts("onAttempt() is told of each attempt, never of secrets or content", async (t, hosts) => {
  const { first, options } = hosts;
  const seen: RongCloudAttempt[] = [];
  const onAttempt = (attempt: RongCloudAttempt): void => {
    seen.push(attempt);
  };
  const message = { ...PRIVATE, content: "private-content", pushContent: "private-push" };
  const behaviours = [...AMBIGUOUS, "take", { status: 400, code: 1002 }, { status: 404 }] as const;
  for (const behaviour of behaviours) {
    first.behave(behaviour);
    const deadlines = behaviour === "hang" ? SHORT : LONG;
    await makeRongCloudGateway({ ...options, ...deadlines, onAttempt }).send(message)();
  }
  await first.close();
  await succeed(makeRongCloudGateway({ ...options, onAttempt }).send(message));
  t.is(seen.length, behaviours.length + 2);
  t.deepEqual(
    { ...seen.at(-1), requestId: "", durationMs: 0 },
    {
      host: hosts.second.url,
      path: "/message/private/publish.json",
      requestId: "",
      verdict: { _tag: "DELIVERED" },
      durationMs: 0,
    },
  );
  t.notRegex(JSON.stringify(seen), /the-secret|private-content|private-push|[0-9a-f]{40}/);
});

test("a gateway asks no further host when its time is up", async (t) => {
  let now = NOW;
  const asked: unknown[] = [];
  const gateway = makeRongCloudGateway({
    ...KEYS,
    hosts: ["http://a.invalid", "http://b.invalid", "http://c.invalid"],
    now: () => now,
    fetch: async (url) => {
      asked.push(url);
      now += 2_000;
      throw Object.assign(new Error("refused"), { code: "ECONNREFUSED" });
    },
  });
  t.like(await fail(gateway.send(PRIVATE)), { delivery: "none" });
  t.deepEqual(asked, [
    "http://a.invalid/message/private/publish.json",
    "http://b.invalid/message/private/publish.json",
  ]);
});
