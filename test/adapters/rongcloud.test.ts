import { createServer } from "node:https";
import { generate } from "selfsigned";
import {
  makeRongCloudGateway,
  probeRongCloud,
  type RongCloudAttempt,
  type RongCloudOptions,
} from "../../adapters/rongcloud/mod.ts";
import { makeKeepAliveFetch } from "../../adapters/undici/mod.ts";
import type { OutboundMessage } from "../../core/domain/message.ts";
import { fail, succeed, wireId } from "../contract/expect.ts";
import { testCases } from "../support/contract.ts";
import {
  type Behaviour,
  type FakeRongCloud,
  listen,
  startFakeRongCloud,
} from "../support/fake-rongcloud.ts";
import {
  type Asking,
  askRuntime,
  KEYS,
  rongCloudCases,
  SHORT,
} from "../support/subjects/rongcloud.ts";
import { type ExecutionContext, test } from "../support/test.ts";

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

const askUndici = (): Asking => {
  const { fetch, close } = makeKeepAliveFetch();
  return { options: { fetch }, close };
};

const ASKING = [
  ["the runtime's fetch", askRuntime],
  ["undici's", askUndici],
] as const;

for (const [name, makeAsking] of ASKING) {
  testCases(rongCloudCases(name, makeAsking));
}

interface Hosts {
  readonly first: FakeRongCloud;
  readonly second: FakeRongCloud;
  readonly options: RongCloudOptions;
}

/**
 * Tests with a primary and a backup host, and deadlines that no answer of theirs meets; once with
 * each way to ask.
 */
const testHosts = (
  title: string,
  run: (t: ExecutionContext, hosts: Hosts) => Promise<void>,
): void => {
  for (const [name, makeAsking] of ASKING) {
    test(`${title}, asked with ${name}`, async (t) => {
      const [first, second] = await Promise.all([
        startFakeRongCloud(KEYS),
        startFakeRongCloud(KEYS),
      ]);
      const asking = makeAsking();
      try {
        await run(t, {
          first,
          second,
          options: { ...KEYS, ...LONG, ...asking.options, hosts: [first.url, second.url] },
        });
      } finally {
        await Promise.all([first.close(), second.close()]);
        await asking.close();
      }
    });
  }
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
  const title = `send() does not go elsewhere with ${JSON.stringify(limit)}, and waits as told`;
  testHosts(title, async (t, { first, second, options }) => {
    let now = Date.now();
    const gateway = makeRongCloudGateway({ ...options, now: () => now, clock: () => now });
    first.behave(limit);
    const refusal = { _tag: "GATEWAY_UNAVAILABLE", delivery: "none", retryAfter: 7 } as const;
    t.deepEqual(await fail(gateway.send(PRIVATE)), { ...refusal, cause: "rate limit" });
    first.behave("take");
    t.is(gateway.pause("PRIVATE")(), 7_000);
    t.is(gateway.pause("GROUP")(), 0);
    t.like(await fail(gateway.send(PRIVATE)), refusal);
    t.is(first.attempts, 1);
    now += 7_000;
    t.is(gateway.pause("PRIVATE")(), 0);
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
      makeRongCloudGateway({ ...hosts.options, now: () => NOW, clock: () => NOW }).send(PRIVATE),
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

for (const [behaviour, seconds] of [
  [{ status: 500, code: 1000 }, 30],
  // The outbox tries again once a minute what only the operator can cure.
  [{ status: 401, code: 1004 }, 90],
] as const) {
  const title = `ready() forgets a failure with ${behaviour.code} after ${seconds} seconds`;
  testHosts(title, async (t, { first, second, options }) => {
    let now = NOW;
    const gateway = makeRongCloudGateway({ ...options, now: () => now, clock: () => now });
    first.behave(behaviour);
    second.behave(behaviour);
    const error = await fail(gateway.send(PRIVATE));
    now += seconds * 1_000 - 1;
    t.deepEqual(await fail(gateway.ready()), error);
    now += 1;
    await succeed(gateway.ready());
    await fail(gateway.send(PRIVATE));
    t.deepEqual(await fail(gateway.ready()), error);
  });
}

testHosts("ready() heeds a refused message as a sign of life", async (t, { first, options }) => {
  let now = Date.now();
  const gateway = makeRongCloudGateway({ ...options, now: () => now, clock: () => now });
  first.behave({ status: 429, code: 1008 });
  await fail(gateway.send(PRIVATE));
  t.like(await fail(gateway.ready()), { cause: "rate limit" });
  now += 1_000;
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
    clock: () => now,
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

testHosts(
  "send() leaves hosts alone that keep failing, and says for how long",
  async (t, hosts) => {
    const { first, second, options } = hosts;
    let now = Date.now();
    const gateway = makeRongCloudGateway({ ...options, now: () => now, clock: () => now });
    first.behave({ status: 500, code: 1000 });
    second.behave({ status: 500, code: 1000 });
    for (let call = 0; call < 10; call += 1) {
      t.like(await fail(gateway.send(PRIVATE)), { delivery: "unknown" });
    }
    const left = gateway.pause("PRIVATE")();
    t.true(left > 0);
    t.like(await fail(gateway.send(PRIVATE)), {
      _tag: "GATEWAY_UNAVAILABLE",
      delivery: "none",
      retryAfter: Math.ceil(left / 1_000),
    });
    t.deepEqual([first.attempts, second.attempts], [5, 5]);

    now += left;
    first.behave("take");
    second.behave("take");
    await succeed(gateway.send(PRIVATE));
    await succeed(gateway.send(PRIVATE));
    t.deepEqual([first.taken.length, second.taken.length], [2, 0]);
  },
);

testHosts(
  "send() paces what comes at once, and refuses what would wait too long",
  async (t, hosts) => {
    const slept: number[] = [];
    const now = Date.now();
    const gateway = makeRongCloudGateway({
      ...hosts.options,
      groupPerSecond: 10,
      now: () => now,
      clock: () => now,
      sleep: async (ms) => {
        slept.push(ms);
      },
    });
    const answers = await Promise.all(Array.from({ length: 15 }, () => gateway.send(GROUP)()));
    const refused = answers.filter(({ _tag }) => _tag === "Left");
    t.deepEqual(slept, [100, 200, 300, 400, 500, 600, 700, 800, 900, 1_000]);
    t.is(refused.length, 4);
    t.like(refused[0], { left: { delivery: "none", retryAfter: 2 } });
    t.is(hosts.first.attempts, 11);
    await succeed(gateway.send(PRIVATE));
    await succeed(gateway.ready());
  },
);

testHosts(
  "pause() spares RongCloud while it takes nothing from the application",
  async (t, hosts) => {
    let now = Date.now();
    const gateway = makeRongCloudGateway({ ...hosts.options, now: () => now, clock: () => now });
    const paused = (): ReadonlyArray<number> => [
      gateway.pause("PRIVATE")(),
      gateway.pause("GROUP")(),
    ];
    hosts.first.behave({ status: 401, code: 1006 });
    for (let call = 0; call < 5; call += 1) {
      t.deepEqual(paused(), [0, 0]);
      await fail(gateway.send(PRIVATE));
    }
    t.deepEqual(paused(), [60_000, 60_000]);
    now += 60_000;
    t.deepEqual(paused(), [0, 0]);
    await fail(gateway.send(PRIVATE));
    t.deepEqual(paused(), [60_000, 60_000]);
    hosts.first.behave("take");
    // A caller's message is tried all the same, and shows that the operator has acted.
    await succeed(gateway.send(PRIVATE));
    t.deepEqual(paused(), [0, 0]);
  },
);

for (const behaviour of ["take then reset", { status: 500, code: 1000 }] as const) {
  const title = `with msgRandom a message is repeated after ${JSON.stringify(behaviour)}, as itself`;
  testHosts(title, async (t, { first, second, options }) => {
    const randoms: unknown[] = [];
    const gateway = makeRongCloudGateway({
      ...options,
      msgRandom: true,
      fetch: (url, init) => {
        const random = new URLSearchParams(String(init.body)).get("msgRandom");
        randoms.push(random);
        return fetch(url, init);
      },
    });
    first.behave(behaviour);
    await succeed(gateway.send(PRIVATE));
    t.deepEqual([first.attempts, second.taken.length], [1, 1]);
    await succeed(gateway.send(PRIVATE));
    t.is(randoms[0], randoms[1]);
    t.is(new Set(randoms).size, 2);
    t.true(randoms.every((random) => Number.isInteger(Number(random)) && Number(random) < 2 ** 31));
  });
}

testHosts("with msgRandom a repeat that is refused leaves the doubt", async (t, hosts) => {
  const gateway = makeRongCloudGateway({ ...hosts.options, msgRandom: true });
  hosts.first.behave("take then reset");
  hosts.second.behave({ status: 200, code: 20407 });
  t.like(await fail(gateway.send(PRIVATE)), { _tag: "GATEWAY_UNAVAILABLE", delivery: "unknown" });
});

testHosts("with msgRandom one host alone is asked twice", async (t, { first, options }) => {
  const gateway = makeRongCloudGateway({ ...options, hosts: [first.url], msgRandom: true });
  first.behave({ status: 500, code: 1000 });
  t.like(await fail(gateway.send(PRIVATE)), { delivery: "unknown" });
  t.is(first.attempts, 2);
});

test("a process that was stopped until its time was over sends nothing when it wakes", async (t) => {
  let now = NOW;
  const asked: unknown[] = [];
  const gateway = makeRongCloudGateway({
    ...KEYS,
    hosts: ["http://a.invalid"],
    groupPerSecond: 1,
    now: () => now,
    clock: () => now,
    sleep: async () => {
      now += 60_000;
    },
    fetch: async (url) => {
      asked.push(url);
      return new Response('{"code":200}');
    },
  });
  await succeed(gateway.send(GROUP));
  t.like(await fail(gateway.send(GROUP)), { delivery: "none" });
  t.is(asked.length, 1);
});

testHosts("a machine's time that is set back holds up nothing", async (t, { options }) => {
  let now = Date.now();
  const gateway = makeRongCloudGateway({ ...options, now: () => now });
  await succeed(gateway.send(GROUP));
  await succeed(gateway.send(PRIVATE));
  now -= 30_000;
  await succeed(gateway.send(GROUP));
  await succeed(gateway.send(PRIVATE));
  t.true(gateway.pause("GROUP")() < 1_000);
  t.true(gateway.pause("PRIVATE")() < 1_000);
});

for (const [status, cure] of [
  [403, "operator"],
  [413, "none"],
] as const) {
  const title = `a proxy's ${status} to one message holds up no other`;
  testHosts(title, async (t, { first, options }) => {
    const gateway = makeRongCloudGateway(options);
    first.behave({ status });
    for (let call = 0; call < 6; call += 1) {
      t.like(await fail(gateway.send(PRIVATE)), { _tag: "GATEWAY_REJECTED", cure });
    }
    await succeed(gateway.ready());
    t.is(gateway.pause("GROUP")(), 0);
  });
}

testHosts(
  "a host that was left alone is tried by one call of many",
  async (t, { first, options }) => {
    let now = Date.now();
    const alone = { ...options, hosts: [first.url], now: () => now, clock: () => now };
    const gateway = makeRongCloudGateway(alone);
    first.behave({ status: 500, code: 1000 });
    for (let call = 0; call < 5; call += 1) {
      await fail(gateway.send(PRIVATE));
    }
    now += 1_000;
    const { attempts } = first;
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => fail(gateway.send(PRIVATE))),
    );
    t.is(first.attempts, attempts + 1);
    const refused = answers.filter((error) => "delivery" in error && error.delivery === "none");
    t.is(refused.length, 19);
  },
);
