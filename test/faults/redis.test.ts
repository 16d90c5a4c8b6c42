/**
 * What a Redis that fails comes to: real redis-servers that are killed, stalled, made read-only and
 * cut off, and real servers in front of them.
 */
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { createServer, connect as dial, type Socket } from "node:net";
import * as E from "fp-ts/lib/Either.js";
import * as O from "fp-ts/lib/Option.js";
import * as RA from "fp-ts/lib/ReadonlyArray.js";
import { Redis } from "ioredis";
import { connect, scripted } from "../../adapters/redis/connection.ts";
import { makeKeys } from "../../adapters/redis/keys.ts";
import { openRedisStore, type RedisStore } from "../../adapters/redis/mod.ts";
import { makeOutbox } from "../../adapters/redis/outbox.ts";
import * as scripts from "../../adapters/redis/scripts.ts";
import { makeSettings } from "../../adapters/redis/settings.ts";
import type { ConversationKey } from "../../core/domain/conversation.ts";
import type { Claim } from "../../core/domain/delivery.ts";
import type { StoreUnavailable } from "../../core/domain/errors.ts";
import type { StoreRecord } from "../../core/domain/store-record.ts";
import { fail, id, succeed, wireId } from "../contract/expect.ts";
import { drain, makeClock, noticeFrom, senders } from "../contract/fixtures.ts";
import type { Deployment } from "../support/deployment.ts";
import type { Behaviour, FakeRongCloud } from "../support/fake-rongcloud.ts";
import {
  type Asked,
  ask,
  type Client,
  inGroups,
  inPairs,
  type Notice,
  nameOf,
  noticeIn,
  statusSetBy,
} from "../support/load.ts";
import { play } from "../support/play.ts";
import type { ServerProcess } from "../support/program.ts";
import { freePort, type RedisServer, startRedisServer } from "../support/redis-server.ts";
import { makeTempDir } from "../support/temp-dir.ts";
import { test } from "../support/test.ts";
import { until } from "../support/until.ts";

/** A Redis that may be killed and come back: on the same port, and with its data if it keeps any. */
interface Node {
  readonly url: string;
  readonly port: number;
  readonly start: () => Promise<void>;
  readonly kill: () => Promise<void>;
  readonly signal: (signal: NodeJS.Signals) => void;
  /** Runs a command past every adapter. */
  readonly call: (command: string, ...args: ReadonlyArray<string>) => Promise<unknown>;
  readonly close: () => Promise<void>;
}

/** Prepares a node that is not there yet. */
const prepareNode = async (...options: ReadonlyArray<string>): Promise<Node> => {
  const { dir, remove } = await makeTempDir();
  const port = await freePort();
  const url = `redis://127.0.0.1:${port}`;
  let server: RedisServer | undefined;
  let closed = false;
  const kill = async (): Promise<void> => {
    const killed = server;
    server = undefined;
    await killed?.close();
  };
  return {
    url,
    port,
    start: async () => {
      // Of an option that is there twice, Redis takes the last.
      server = await startRedisServer("--port", String(port), "--dir", dir, ...options);
      // A test that failed leaves none behind, also if it was about to start one.
      if (closed) {
        await kill();
        throw new Error("the test is over");
      }
    },
    kill,
    signal: (signal) => server?.signal(signal),
    call: async (command, ...args) => {
      const client = new Redis(url);
      try {
        return await client.call(command, ...args);
      } finally {
        client.disconnect();
      }
    },
    close: async () => {
      closed = true;
      await kill();
      await remove();
    },
  };
};

const startNode = async (...options: ReadonlyArray<string>): Promise<Node> => {
  const node = await prepareNode(...options);
  await node.start();
  return node;
};

/** What is between a store and its Redis, and may lose a reply. */
interface Link {
  readonly url: string;
  /** Cuts the connection when the next command that holds this text was passed on and answered. */
  readonly loseReplyTo: (text: string) => void;
  /** How many replies were lost. */
  readonly lost: () => number;
  readonly close: () => Promise<void>;
}

const startLink = async (port: number): Promise<Link> => {
  const sockets = new Set<Socket>();
  let wanted: string | undefined;
  let lost = 0;
  const server = createServer((near) => {
    const far = dial(port, "127.0.0.1");
    let losing = false;
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(one);
      one.on("error", () => one.destroy());
      one.on("close", () => {
        sockets.delete(one);
        other.destroy();
      });
    }
    near.on("data", (chunk) => {
      if (wanted !== undefined && chunk.includes(wanted)) {
        wanted = undefined;
        losing = true;
      }
      far.write(chunk);
    });
    far.on("data", (chunk) => {
      if (losing) {
        lost += 1;
        near.destroy();
      } else {
        near.write(chunk);
      }
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const at = address === null || typeof address === "string" ? 0 : address.port;
  return {
    url: `redis://127.0.0.1:${at}`,
    loseReplyTo: (text) => {
      wanted = text;
    },
    lost: () => lost,
    close: async () => {
      server.close();
      for (const socket of sockets) {
        socket.destroy();
      }
    },
  };
};

const G: ConversationKey = "group:g";
const H: ConversationKey = "group:h";

/** A store behind a link. */
const openLinked = async (t: {
  readonly teardown: (fn: () => Promise<void>) => void;
}): Promise<{ readonly store: RedisStore; readonly link: Link }> => {
  const node = await startNode();
  t.teardown(node.close);
  const link = await startLink(node.port);
  t.teardown(link.close);
  const store = await openRedisStore({ urls: [link.url] });
  t.teardown(store.close);
  return { store, link };
};

const claimAt = async ({ outbox }: RedisStore, at: number): Promise<Claim> => {
  const claim = await succeed(outbox.claim("GROUP", at, at + 1_000));
  if (O.isNone(claim)) {
    throw new Error(`nothing is due at ${at}`);
  }
  return claim.value;
};

const LATER = Date.now() + 3_600_000;

test("a set whose reply is lost is made once", async (t) => {
  const { store, link } = await openLinked(t);
  link.loseReplyTo(scripts.STORE.lua);
  await succeed(store.settings.setNoticeStatus(G, 1, noticeFrom("alice")));
  t.is(link.lost(), 1);
  t.is(await succeed(store.settings.noticeStatus(G)), 1);
  t.deepEqual(senders(await drain(store.outbox)), ["alice"]);
});

test("a notice that is added and whose reply is lost is there once", async (t) => {
  const { store, link } = await openLinked(t);
  link.loseReplyTo(scripts.STORE.lua);
  await succeed(store.outbox.add(G, noticeFrom("alice")));
  t.is(link.lost(), 1);
  t.is((await succeed(store.outbox.status(LATER))).pending, 1);
  t.deepEqual(senders(await drain(store.outbox)), ["alice"]);
});

test("a claim whose reply is lost is known to who made it, and to nobody else", async (t) => {
  const { store, link } = await openLinked(t);
  await succeed(store.outbox.add(G, noticeFrom("alice")));
  link.loseReplyTo(scripts.CLAIM.lua);
  const claim = await claimAt(store, LATER);
  t.is(link.lost(), 1);
  t.true(O.isNone(await succeed(store.outbox.claim("GROUP", LATER, LATER + 1_000))));
  await succeed(store.outbox.settle(claim, { _tag: "DELIVERED" }));
  t.like(await succeed(store.outbox.status(LATER)), { pending: 0, inFlight: 0 });
});

test("a claim that is settled and whose reply is lost is settled once", async (t) => {
  const { store, link } = await openLinked(t);
  await succeed(store.outbox.add(G, noticeFrom("alice")));
  await succeed(store.outbox.add(G, noticeFrom("bob")));
  const postponed = { _tag: "POSTPONED", until: LATER, reason: "away" } as const;
  link.loseReplyTo(scripts.SETTLE.lua);
  await succeed(store.outbox.settle(await claimAt(store, LATER), postponed));
  t.is(link.lost(), 1);
  t.deepEqual((await succeed(store.outbox.status(LATER))).reasons, [
    { state: "postponed", reason: "away", count: 1 },
  ]);
  const again = await claimAt(store, LATER);
  t.is(again.attempts, 1);
  t.is(again.notice.senderId, wireId("alice"));

  link.loseReplyTo(scripts.SETTLE.lua);
  await succeed(store.outbox.settle(again, { _tag: "DEAD", reason: "never" }));
  t.is(link.lost(), 2);
  t.like(await succeed(store.outbox.status(LATER)), { pending: 1, dead: 1 });

  link.loseReplyTo(scripts.SETTLE.lua);
  const last = await claimAt(store, LATER);
  await succeed(store.outbox.settle(last, { _tag: "DELIVERED" }));
  t.is(link.lost(), 3);
  t.is(last.notice.senderId, wireId("bob"));
  t.like(await succeed(store.outbox.status(LATER)), { pending: 0, inFlight: 0, dead: 1 });
});

test("what is made due again and whose reply is lost is counted once", async (t) => {
  const { store, link } = await openLinked(t);
  for (const conversation of [G, H]) {
    await succeed(store.outbox.add(conversation, noticeFrom("alice")));
    const claim = await claimAt(store, LATER);
    const until = LATER + 2_000;
    await succeed(store.outbox.settle(claim, { _tag: "POSTPONED", until, reason: "away" }));
  }
  link.loseReplyTo(scripts.RETRY.lua);
  t.is(await succeed(store.outbox.retry(LATER)), 2);
  t.is(link.lost(), 1);
  t.is((await drain(store.outbox, LATER)).length, 2);
});

test("what is revived and whose reply is lost is revived and counted once", async (t) => {
  const { store, link } = await openLinked(t);
  for (const sender of ["alice", "bob"]) {
    await succeed(store.outbox.add(G, noticeFrom(sender)));
    const claim = await claimAt(store, LATER);
    await succeed(store.outbox.settle(claim, { _tag: "DEAD", reason: "never" }));
  }
  link.loseReplyTo(scripts.REVIVE.lua);
  t.is(await succeed(store.outbox.revive()), 2);
  t.is(link.lost(), 1);
  t.like(await succeed(store.outbox.status(LATER)), { pending: 2, dead: 0, reasons: [] });
  t.deepEqual(senders(await drain(store.outbox)), ["alice", "bob"]);
});

for (const [what, { lua }] of [
  ["its records", scripts.RECEIVE],
  ["how many records it has", scripts.RECEIVED],
] as const) {
  test(`a store keeps each record of an import once when the reply to the script that stores ${what} is lost`, async (t) => {
    const { store, link } = await openLinked(t);
    const notice = { attempts: 2, storedAt: 7, dueAt: LATER, conversation: G };
    const records: ReadonlyArray<StoreRecord> = [
      { _tag: "STATUS", conversation: G, status: 1, imported: false },
      { _tag: "NOTICE", ...notice, notice: noticeFrom("alice"), reason: "away" },
      { _tag: "NOTICE", ...notice, notice: noticeFrom("bob") },
      {
        _tag: "DEAD_LETTER",
        letter: {
          conversation: G,
          notice: noticeFrom("carol"),
          reason: "never",
          attempts: 1,
          storedAt: 5,
          diedAt: 6,
        },
      },
    ];
    link.loseReplyTo(lua);
    await succeed(store.transfer.write("export", 0, records));
    t.is(link.lost(), 1);
    t.is(await succeed(store.transfer.received("export")), 4);
    t.like(await succeed(store.outbox.status(LATER)), {
      pending: 2,
      dead: 1,
      reasons: [
        { state: "postponed", reason: "away", count: 1 },
        { state: "dead", reason: "never", count: 1 },
      ],
    });
    t.deepEqual(senders(await drain(store.outbox)), ["alice", "bob"]);
  });
}

const PREFIX = "sealtalk-misc:";
const ours = makeKeys(PREFIX).partitionOf(G);

/** Another conversation: of the same partition as G, or of another. */
const other = (where: "beside" | "elsewhere", from = 0): ConversationKey => {
  for (let index = from; ; index += 1) {
    const conversation: ConversationKey = `group:other-${index}`;
    if (
      (makeKeys(PREFIX).partitionOf(conversation).due("GROUP") === ours.due("GROUP")) ===
      (where === "beside")
    ) {
      return conversation;
    }
  }
};

/** A Redis with a notice of G and a later one of another conversation, and a store that looks at it. */
const openDamaged = async (
  t: { readonly teardown: (fn: () => Promise<void>) => void },
  second: ConversationKey,
) => {
  const node = await startNode();
  t.teardown(node.close);
  const clock = makeClock();
  const store = await openRedisStore({ urls: [node.url], now: clock.now });
  t.teardown(store.close);
  await succeed(store.outbox.add(G, noticeFrom("alice")));
  clock.set(1);
  await succeed(store.outbox.add(second, noticeFrom("bob")));
  return { ...store, call: node.call };
};

const FOREIGN: ReadonlyArray<readonly [string, string, "beside" | "elsewhere"]> = [
  ["a queue", ours.queue(G), "beside"],
  ["a conversation's state", ours.state(G), "beside"],
  ["the key of the leases", ours.leases, "elsewhere"],
  ["the key of the ages", ours.ages, "elsewhere"],
  ["the key of the tallies", ours.tallies, "elsewhere"],
  ["the key of the dead", ours.dead, "elsewhere"],
  ["the token", ours.token, "elsewhere"],
];

for (const [what, key, where] of FOREIGN) {
  test(`while ${what} is of another type, what needs it waits, and the others go on`, async (t) => {
    const { outbox, call } = await openDamaged(t, other(where));
    await call("DEL", key);
    await call("XADD", key, "*", "field", "value");
    t.true((await fail(outbox.claim("GROUP", 5, 9))).cause.includes(key));
    const claim = await succeed(outbox.claim("GROUP", 5, 9));
    t.deepEqual(senders(RA.fromOption(claim)), ["bob"]);
    await succeed(outbox.settle(...settled(claim)));
    t.true((await fail(outbox.claim("GROUP", 10, 14))).cause.includes(key));
    t.deepEqual(await succeed(outbox.claim("GROUP", 10, 14)), O.none);
  });
}

const settled = (claim: O.Option<Claim>): readonly [Claim, { readonly _tag: "DELIVERED" }] => {
  if (O.isNone(claim)) {
    throw new Error("nothing was claimed");
  }
  return [claim.value, { _tag: "DELIVERED" }];
};

const NUMBERS: ReadonlyArray<readonly [string, string, ReadonlyArray<string>]> = [
  ["the token", ours.token, ["SET", ours.token, "abc"]],
  ["a conversation's tries", ours.state(G), ["HSET", ours.state(G), "tries", "abc"]],
  ["a tally", ours.tallies, ["HSET", ours.tallies, "dead never", "abc"]],
];

for (const [what, key, [command = "", ...args]] of NUMBERS) {
  test(`while ${what} is no number, what needs it waits, and the others go on`, async (t) => {
    const { outbox, call } = await openDamaged(t, other("elsewhere"));
    await call(command, ...args);
    t.true((await fail(outbox.claim("GROUP", 5, 9))).cause.includes(key));
    t.deepEqual(senders(RA.fromOption(await succeed(outbox.claim("GROUP", 5, 9)))), ["bob"]);
    t.is((await succeed(outbox.status(5))).pending, 2);
  });
}

test("a set whose notice can have no number changes nothing", async (t) => {
  const { settings, outbox, call } = await openDamaged(t, H);
  await call("SET", ours.sequence, "abc");
  const { cause } = await fail(settings.setNoticeStatus(G, 1, noticeFrom("carol")));
  t.true(cause.includes(ours.sequence), cause);
  t.is(await succeed(settings.noticeStatus(G)), 0);
  t.is((await succeed(outbox.status(5))).pending, 2);
});

test("a tally that is no number by the time of the settlement costs no notice", async (t) => {
  const { outbox, call } = await openDamaged(t, H);
  const claim = await succeed(outbox.claim("GROUP", 5, 9));
  const [mine] = settled(claim);
  await call("HSET", ours.tallies, "dead never", "abc");
  t.deepEqual(await fail(outbox.settle(mine, { _tag: "DEAD", reason: "never" })), {
    _tag: "STORE_UNAVAILABLE",
    cause: `FOREIGN ${ours.tallies}`,
  });
  await call("DEL", ours.tallies);
  await succeed(outbox.settle(mine, { _tag: "DEAD", reason: "never" }));
  t.like(await succeed(outbox.status(5)), { pending: 1, dead: 1 });
});

test("many conversations of a partition that cannot be claimed hold up the others once", async (t) => {
  const { outbox, call } = await openDamaged(t, other("elsewhere"));
  await call("SET", ours.ages, "foreign");
  await call("DEL", ours.due("GROUP"));
  for (let index = 0; index < 40; index += 1) {
    await call("ZADD", ours.due("GROUP"), "0", other("beside", 100 * index));
  }
  t.true((await fail(outbox.claim("GROUP", 5, 9))).cause.includes(ours.ages));
  t.deepEqual(senders(RA.fromOption(await succeed(outbox.claim("GROUP", 5, 9)))), ["bob"]);
});

test("what was waiting when somebody deleted what is due goes on with the next notice", async (t) => {
  const { outbox, call } = await openDamaged(t, other("elsewhere"));
  await call("DEL", ours.due("GROUP"));
  await succeed(outbox.add(G, noticeFrom("carol")));
  t.deepEqual([...senders(await drain(outbox))].sort(), ["alice", "bob", "carol"]);
});

test("a Redis whose memory is full stores nothing more, and what it has is delivered", async (t) => {
  const node = await startNode();
  t.teardown(node.close);
  const { settings, outbox, close } = await openRedisStore({ urls: [node.url] });
  t.teardown(close);
  await succeed(settings.setNoticeStatus(G, 1, noticeFrom("alice")));
  await node.call("CONFIG", "SET", "maxmemory", "1");
  const { cause } = await fail(settings.setNoticeStatus(G, 0, noticeFrom("bob")));
  t.regex(cause, /^OOM/);
  t.is(await succeed(settings.noticeStatus(G)), 1);
  t.deepEqual(senders(await drain(outbox)), ["alice"]);
});

test("a Redis whose memory is full settles a claim whatever its outcome", async (t) => {
  const node = await startNode();
  t.teardown(node.close);
  const clock = makeClock();
  const { outbox, close } = await openRedisStore({ urls: [node.url], now: clock.now });
  t.teardown(close);
  await succeed(outbox.add(G, noticeFrom("alice")));
  await node.call("CONFIG", "SET", "maxmemory", "1");
  for (const outcome of [
    { _tag: "POSTPONED", until: 10, reason: "away" },
    { _tag: "DEAD", reason: "never" },
  ] as const) {
    const [claim] = settled(await succeed(outbox.claim("GROUP", 10, 20)));
    await succeed(outbox.settle(claim, outcome));
  }
  t.deepEqual(senders(await succeed(outbox.deadLetters())), ["alice"]);
  t.like(await succeed(outbox.status(10)), { pending: 0, inFlight: 0 });
});

test("an addition that is repeated does not undo what was removed in between", async (t) => {
  const node = await startNode();
  t.teardown(node.close);
  const { change, ask, close } = await connect({ urls: [node.url] });
  t.teardown(close);
  const { members, related } = makeKeys(PREFIX);
  const set = members("g");
  const addition = scripted(scripts.RELATE)([set, related(set, "1")], ["SADD", "alice", "bob"]);
  await succeed(change(addition));
  await node.call("SREM", set, "alice");
  await succeed(change(addition));
  t.deepEqual(await succeed(ask((client) => client.smembers(set))), ["bob"]);
});

test("while what is due is of another type it says so, and the other partitions go on", async (t) => {
  const { outbox, call } = await openDamaged(t, other("elsewhere"));
  const key = ours.due("GROUP");
  await call("SET", key, "foreign");
  const claim = await succeed(outbox.claim("GROUP", 5, 9));
  t.deepEqual(senders(RA.fromOption(claim)), ["bob"]);
  const { cause } = await fail(outbox.claim("GROUP", 5, 9));
  t.true(cause.startsWith(`zrange ${key}: WRONGTYPE`), cause);
  t.true((await fail(outbox.add(G, noticeFrom("alice")))).cause.includes(key));
});

test("a foreign key is named by each question that meets it", async (t) => {
  const { outbox, settings, relationships, call } = await openDamaged(t, H);
  const questions: ReadonlyArray<readonly [string, string, () => Promise<StoreUnavailable>]> = [
    ["hmget", ours.statuses, () => fail(settings.noticeStatus(G))],
    ["", ours.statuses, () => fail(settings.setNoticeStatus(G, 1, noticeFrom("alice")))],
    ["", ours.queue(G), () => fail(outbox.add(G, noticeFrom("alice")))],
    ["", ours.state(G), () => fail(outbox.add(G, noticeFrom("alice")))],
    ["lrange", ours.dead, () => fail(outbox.deadLetters())],
    ["llen", ours.dead, () => fail(outbox.status(5))],
    ["hgetall", ours.tallies, () => fail(outbox.status(5))],
    [
      "sismember",
      `${PREFIX}friends:alice`,
      () => fail(relationships.areFriends(id("alice"), id("bob"))),
    ],
    ["smembers", `${PREFIX}members:g`, () => fail(relationships.membersOf(id("g")))],
  ];
  for (const [command, key, ask] of questions) {
    await call("DEL", key);
    await call("XADD", key, "*", "field", "value");
    const { cause } = await ask();
    t.true(cause.includes(key), cause);
    t.true(cause.startsWith(command), cause);
    await call("DEL", key);
  }
  t.is(await succeed(settings.noticeStatus(G)), 0);
});

const DAMAGED = ["no JSON", "{}", "1 {}", '1 {"v":2,"value":{}}', "1 ", '{"v":1}'];

for (const entry of DAMAGED) {
  test(`a queue's entry that is ${entry || "empty"} is named, and the other conversations go on`, async (t) => {
    const { outbox, call } = await openDamaged(t, other("beside"));
    const key = ours.queue(G);
    await call("LSET", key, "0", entry);
    t.true((await fail(outbox.claim("GROUP", 5, 9))).cause.includes(key));
    t.deepEqual(senders(RA.fromOption(await succeed(outbox.claim("GROUP", 5, 9)))), ["bob"]);
    t.deepEqual(await succeed(outbox.claim("GROUP", 5, 9)), O.none);
  });
}

test("a queue's entry that has lost its number is not sent: nobody could settle it", async (t) => {
  const { outbox, call } = await openDamaged(t, other("beside"));
  const key = ours.queue(G);
  const entry = String(await call("LINDEX", key, "0"));
  await call("LSET", key, "0", entry.replace(/^\d+ /, ""));
  t.true((await fail(outbox.claim("GROUP", 5, 9))).cause.includes(key));
});

test("a conversation whose queue somebody deleted goes on with its next notice", async (t) => {
  const { outbox, call } = await openDamaged(t, other("beside"));
  const claim = await succeed(outbox.claim("GROUP", 5, 9));
  await call("DEL", ours.queue(G));
  t.is((await fail(outbox.settle(...settled(claim))))._tag, "CLAIM_LOST");
  t.deepEqual(senders(RA.fromOption(await succeed(outbox.claim("GROUP", 10, 14)))), ["bob"]);
  t.deepEqual(await succeed(outbox.claim("GROUP", 10, 14)), O.none);
  await succeed(outbox.add(G, noticeFrom("carol")));
  t.deepEqual(senders(RA.fromOption(await succeed(outbox.claim("GROUP", 10, 14)))), ["carol"]);
});

test("a status of another version is no default, and is overwritten by a set", async (t) => {
  const { settings, call } = await openDamaged(t, H);
  for (const value of ['{"v":2,"value":1}', '{"v":1,"value":2}', "1", ""]) {
    await call("HSET", ours.statuses, G, value);
    t.true((await fail(settings.noticeStatus(G))).cause.includes(ours.statuses));
    t.is(await succeed(settings.noticeStatus(H)), 0);
    await succeed(settings.setNoticeStatus(G, 1, noticeFrom("alice")));
    t.is(await succeed(settings.noticeStatus(G)), 1);
  }
});

test("what Redis says of a command that it does not know holds no value", async (t) => {
  const node = await startNode("--rename-command", "SISMEMBER", "");
  t.teardown(node.close);
  const { relationships, close } = await openRedisStore({ urls: [node.url] });
  t.teardown(close);
  const { cause } = await fail(relationships.areFriends(id("alice"), id("somebody")));
  t.regex(cause, /unknown command/);
  t.notRegex(cause, /somebody/);
});

// What the contract promises, whatever is down.
const ANSWERED_WITHIN_MS = 5_000;

// Below the minute that AVA waits.
const LONGEST_MS = 50_000;

const TARGET = { conversationType: 3, targetId: "g" };

type Asking = Pick<ServerProcess, "url">;

const post = ({ url }: Asking, path: string, token: string, body: unknown): Promise<Response> =>
  fetch(`${url}${path}`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(ANSWERED_WITHIN_MS),
  });

const set = (server: Asking, token: string, noticeStatus = 1): Promise<Response> =>
  post(server, "/misc/set_screen_capture", token, { ...TARGET, noticeStatus });

const send = (server: Asking, token: string): Promise<Response> =>
  post(server, "/misc/send_sc_msg", token, TARGET);

const get = (server: Asking, token: string): Promise<Response> =>
  post(server, "/misc/get_screen_capture", token, TARGET);

/** What an answer comes to. */
const resultOf = async (response: Response): Promise<string> => {
  const [, error = ""] = /"error":"(\w+)"/.exec(await response.text()) ?? [];
  return `${response.status} ${error}`.trim();
};

const resultsOf = async (...answers: ReadonlyArray<Promise<Response>>) => {
  const results = [];
  for (const answer of answers) {
    results.push(await resultOf(await answer));
  }
  return results;
};

/** What each route that needs the store answers. */
const askAll = (server: Asking, token: string) =>
  resultsOf(set(server, token), get(server, token), send(server, token));

const readiness = async ({ url }: Asking): Promise<string> => {
  const signal = AbortSignal.timeout(ANSWERED_WITHIN_MS);
  const response = await fetch(`${url}/readyz`, { signal });
  const [unready = ""] = /"unready":.*\]/.exec(await response.text()) ?? [];
  return `${response.status} ${unready}`.trim();
};

const versionsOf = async ({ url }: Asking): Promise<number> => {
  const signal = AbortSignal.timeout(ANSWERED_WITHIN_MS);
  return (await fetch(`${url}/misc/mobile_version`, { signal })).status;
};

/** Asks until every route works. */
const untilServed = async (server: Asking, token: string): Promise<void> => {
  while ((await askAll(server, token)).some((result) => result !== "200")) {
    // Again, at once.
  }
};

const withStore = async <A>(
  { url }: Pick<Node, "url">,
  use: (store: RedisStore) => Promise<A>,
): Promise<A> => {
  const store = await openRedisStore({ urls: [url] });
  try {
    return await use(store);
  } finally {
    await store.close();
  }
};

/** Makes alice and others members of g. */
const enrol = (node: Pick<Node, "url">): Promise<void> =>
  withStore(node, ({ relationships }) =>
    succeed(relationships.addMembers(id("g"), ["alice", "bob", "carol"].map(id))),
  );

const DOWN = "503 STORE_UNAVAILABLE";

interface Failure {
  readonly what: string;
  readonly fail: (node: Node) => unknown;
  readonly recover: (node: Node) => unknown;
  /** What a read comes to, if it does not fail. */
  readonly get?: string;
}

const FAILURES: ReadonlyArray<Failure> = [
  { what: "is killed", fail: ({ kill }) => kill(), recover: ({ start }) => start() },
  {
    what: "is stalled",
    fail: ({ signal }) => signal("SIGSTOP"),
    recover: ({ signal }) => signal("SIGCONT"),
  },
  {
    what: "has too few replicas to write",
    fail: ({ call }) => call("CONFIG", "SET", "min-replicas-to-write", "1"),
    recover: ({ call }) => call("CONFIG", "SET", "min-replicas-to-write", "0"),
    get: "200",
  },
  {
    what: "has become a replica of one that is away",
    fail: async ({ call }) => {
      await call("CONFIG", "SET", "replica-serve-stale-data", "no");
      await call("REPLICAOF", "127.0.0.1", "1");
    },
    recover: ({ call }) => call("REPLICAOF", "NO", "ONE"),
  },
];

for (const { what, fail, recover, get = DOWN } of FAILURES) {
  test(`while Redis ${what} the server says so in time, and afterwards goes on by itself`, async (t) => {
    const node = await startNode("--appendonly", "yes");
    t.teardown(node.close);
    await enrol(node);
    await play(LONGEST_MS, async ({ start, tokenFor }) => {
      const server = await start({ STORE: "redis", REDIS_URL: node.url });
      const alice = await tokenFor("alice");
      t.deepEqual(await askAll(server, alice), ["200", "200", "200"]);
      await fail(node);
      // At first the connection is not known to be lost; later it is.
      for (const _ of [1, 2]) {
        t.deepEqual(await askAll(server, alice), [DOWN, get, DOWN]);
        t.is(await readiness(server), '503 "unready":["store"]');
        t.is(await versionsOf(server), 200);
      }
      await recover(node);
      await untilServed(server, alice);
      t.is(await readiness(server), "200");
      t.is(await server.end("SIGTERM"), 0);
    });
  });
}

test("a server that starts while Redis is away says so, and works once it is there", async (t) => {
  const node = await prepareNode();
  t.teardown(node.close);
  await play(LONGEST_MS, async ({ start, tokenFor }) => {
    const server = await start({ STORE: "redis", REDIS_URL: node.url });
    const alice = await tokenFor("alice");
    t.deepEqual(await askAll(server, alice), [DOWN, DOWN, DOWN]);
    t.is(await versionsOf(server), 200);
    await node.start();
    await enrol(node);
    await untilServed(server, alice);
    t.is(await server.end("SIGTERM"), 0);
  });
});

test("a server that is asked to stop while Redis is stalled stops", async (t) => {
  const node = await startNode();
  t.teardown(node.close);
  await play(LONGEST_MS, async ({ start, tokenFor }) => {
    const server = await start({ STORE: "redis", REDIS_URL: node.url });
    const alice = await tokenFor("alice");
    node.signal("SIGSTOP");
    t.is(await resultOf(await send(server, alice)), DOWN);
    t.is(await server.end("SIGTERM"), 0);
  });
});

const MANY = 3_000;

// As many sets wait for replicas as one, behind one WAIT.
const GROUP = 256 + 1;

// HELLO, two of CLIENT SETINFO, and INFO: what ioredis itself asks of a connection that is new.
const HANDSHAKE = 4;

/** A store and the connection under it, whose queues are to be looked at. */
const openInside = async ({ url }: Node, minReplicas = 0) => {
  const connection = await connect({ urls: [url], minReplicas });
  const { client, writer } = connection;
  if (!(client instanceof Redis && writer instanceof Redis)) {
    throw new Error("one node is no Cluster");
  }
  const keys = makeKeys(PREFIX);
  const outbox = makeOutbox(connection, keys, { now: Date.now, newId: () => crypto.randomUUID() });
  return {
    settings: makeSettings(connection, keys, outbox),
    outbox: outbox.outbox,
    client,
    queued: () => queuedBy(client) + (writer === client ? 0 : queuedBy(writer)),
    close: connection.close,
  };
};

const queuedBy = (client: Redis): number =>
  client.commandQueue.length + lengthOf(Reflect.get(client, "offlineQueue"));

const lengthOf = (queue: unknown): number =>
  typeof queue === "object" && queue !== null && "length" in queue ? Number(queue.length) : NaN;

for (const { what, stop, recover, most } of [
  {
    what: "killed",
    stop: ({ kill }: Node) => kill(),
    recover: ({ start }: Node) => start(),
    most: 0,
  },
  {
    what: "stalled",
    stop: async ({ signal }: Node) => signal("SIGSTOP"),
    recover: async ({ signal }: Node) => signal("SIGCONT"),
    most: HANDSHAKE,
  },
]) {
  test(`what is asked while Redis is ${what} piles up nowhere`, async (t) => {
    const node = await startNode("--appendonly", "yes");
    t.teardown(node.close);
    const { settings, outbox, client, queued, close } = await openInside(node);
    t.teardown(close);
    const lengths: number[] = [];
    const conversations = Array.from(
      { length: MANY },
      (_, index): ConversationKey => `group:${index}`,
    );
    const setAll = () =>
      Promise.all(
        conversations.map(async (conversation) => {
          await fail(settings.setNoticeStatus(conversation, 1, noticeFrom("alice")));
          lengths.push(queued());
        }),
      );
    // Once it knows the script, a stalled Redis may still run what it finds when it wakes.
    await succeed(settings.setNoticeStatus(G, 1, noticeFrom("alice")));
    await stop(node);
    // Each is written, and nobody answers.
    await setAll();
    while (client.status === "ready") {
      await fail(settings.noticeStatus(G));
    }
    // From here on the connection is known to be lost.
    lengths.length = 0;
    await setAll();
    t.is(lengths.length, MANY);
    t.true(Math.max(...lengths) <= most, `${Math.max(...lengths)}`);

    await recover(node);
    while ((await settings.ready()())._tag === "Left") {
      // Again, at once.
    }
    t.is(queued(), 0);
    const statuses = await Promise.all(
      conversations.map((one) => succeed(settings.noticeStatus(one))),
    );
    // Those that Redis found when it woke were made: status and notice.
    const made = statuses.filter((status) => status === 1).length;
    const { pending } = await succeed(outbox.status(LATER));
    t.is(pending, made + 1);
  });
}

test("while writes wait for replicas in vain, reads go on and nothing piles up", async (t) => {
  const node = await startNode();
  t.teardown(node.close);
  const { settings, queued, close } = await openInside(node, 1);
  t.teardown(close);
  let waiting = MANY;
  let most = 0;
  const causes = new Set<string>();
  const sets = Array.from({ length: MANY }, async (_, index) => {
    const setting = settings.setNoticeStatus(`group:${index}`, 1, noticeFrom("alice"));
    causes.add((await fail(setting)).cause);
    waiting -= 1;
  });
  while (waiting > 0) {
    t.is(await succeed(settings.noticeStatus(H)), 0);
    most = Math.max(most, queued());
  }
  await Promise.all(sets);
  t.is(queued(), 0);
  t.true(most > 1 && most <= GROUP + HANDSHAKE, `${most}`);
  t.deepEqual([...causes], ["fewer than 1 replicas have the write"]);
});

test("a set is acknowledged once as many replicas have it as are asked for", async (t) => {
  const node = await startNode("--repl-diskless-sync-delay", "0");
  t.teardown(node.close);
  await enrol(node);
  await play(LONGEST_MS, async ({ start, tokenFor }) => {
    const server = await start({ STORE: "redis", REDIS_URL: node.url, REDIS_MIN_REPLICAS: "1" });
    const alice = await tokenFor("alice");
    t.deepEqual(await askAll(server, alice), [DOWN, "200", DOWN]);
    t.is(await readiness(server), '503 "unready":["store"]');
    const replica = await startNode("--replicaof", "127.0.0.1", `${node.port}`);
    t.teardown(replica.close);
    await untilServed(server, alice);
    t.is(await withStore(replica, ({ settings }) => succeed(settings.noticeStatus(G))), 1);
    await replica.kill();
    t.deepEqual(await askAll(server, alice), [DOWN, "200", DOWN]);
    t.is(await server.end("SIGTERM"), 0);
  });
});

const [, major, minor] =
  /v=(\d+)\.(\d+)/.exec(execFileSync("redis-server", ["--version"], { encoding: "utf8" })) ?? [];
const knowsFiles = Number(major) > 7 || (Number(major) === 7 && Number(minor) >= 2);

(knowsFiles ? test : test.skip)(
  "a set is acknowledged once the replicas' files have it (skipped on a Redis before 7.2, which has no WAITAOF)",
  async (t) => {
    const files = ["--appendonly", "yes", "--appendfsync", "always"];
    const node = await startNode("--repl-diskless-sync-delay", "0", ...files);
    t.teardown(node.close);
    const replica = await startNode("--replicaof", "127.0.0.1", `${node.port}`, ...files);
    t.teardown(replica.close);
    const { settings, close } = await openRedisStore({ urls: [node.url], minReplicas: 1 });
    t.teardown(close);
    await until("the replica's file has what is set", async () =>
      E.isRight(await settings.setNoticeStatus(G, 1, noticeFrom("alice"))()),
    );
    await replica.call("CONFIG", "SET", "appendonly", "no");
    const { cause } = await fail(settings.setNoticeStatus(G, 0, noticeFrom("alice")));
    t.is(cause, "fewer than 1 replicas have the write");
  },
);

// The pace that RongCloud asks for would leave most of the load for the end.
const UNHURRIED = { RONGCLOUD_PRIVATE_PER_MINUTE: "6000000", RONGCLOUD_GROUP_PER_SECOND: "100000" };

const ACKNOWLEDGED_A_ROUND = 100;
const MOST_ASKED = 2_000;

/** Redis is killed in each round, while RongCloud behaves like this, and comes back with its data. */
const ROUNDS: ReadonlyArray<Behaviour> = ["take", "reset", "take"];

const noticeOf = ({ conversation, notice }: Claim): Notice => ({
  conversation,
  sender: notice.senderId,
  operation: JSON.parse(notice.content).operation,
});

/** What is not as it must be in a conversation: in what was taken of it first, and is left last. */
const faultsIn = (
  asked: ReadonlyArray<Asked>,
  taken: ReadonlyArray<Notice>,
  left: ReadonlyArray<Notice>,
  status: number,
): ReadonlyArray<string> => {
  const names = [...new Set([...taken, ...left].map(nameOf))];
  const kept = asked.filter((one) => names.includes(nameOf(one)));
  const lost = asked.filter((one) => one.outcome === "acknowledged" && !kept.includes(one));
  const last = kept.map(statusSetBy).findLast((one) => one !== undefined) ?? 0;
  return [
    ...lost.map((one) => `lost: ${nameOf(one)}`),
    ...(kept.map(nameOf).join() === names.join() ? [] : [`order: ${names}`]),
    ...(new Set(left.map(nameOf)).size === left.length ? [] : [`twice: ${left.map(nameOf)}`]),
    ...(status === last ? [] : [`status: ${status}, and its notice: ${last}`]),
  ];
};

const playKills = async (node: Node, { rongCloud, start, tokenFor }: Deployment) => {
  const clients = [
    inGroups("long", MOST_ASKED, MOST_ASKED),
    inGroups("short-a", 10, MOST_ASKED),
    inGroups("short-b", 10, MOST_ASKED),
    inPairs("pair-a", MOST_ASKED),
    inPairs("pair-b", MOST_ASKED),
  ];
  await withStore(node, async ({ relationships }) => {
    for (const { enrol } of clients) {
      await succeed(enrol(relationships));
    }
  });
  const server = await start({ ...UNHURRIED, STORE: "redis", REDIS_URL: node.url });
  const asked: Asked[] = [];
  let acknowledged = 0;
  let back: Promise<void> = Promise.resolve();
  const comeBack = async (): Promise<void> => {
    await node.kill();
    await node.start();
    while ((await readiness(server)).includes("store")) {
      // Again, at once.
    }
  };
  for (const behaviour of ROUNDS) {
    rongCloud.behave(behaviour);
    acknowledged = 0;
    const work = async ({ steps }: Client): Promise<void> => {
      // Behind the kill each goes on for as much again.
      while (acknowledged < 2 * ACKNOWLEDGED_A_ROUND) {
        const answered = await ask(server, tokenFor, steps.next().value);
        asked.push(answered);
        if (answered.outcome === "acknowledged") {
          acknowledged += 1;
          if (acknowledged === ACKNOWLEDGED_A_ROUND) {
            back = comeBack();
            // Who waits for it hears of it; if nobody does any more, the test has failed already.
            back.catch(() => {});
          }
        } else {
          await back;
        }
      }
    };
    await Promise.all(clients.map(work));
  }
  await node.kill();
  await node.start();
  const exit = await server.end("SIGTERM");
  const taken = rongCloud.taken.map(noticeIn);
  return withStore(node, async ({ outbox, settings }) => {
    const left = (await drain(outbox)).map(noticeOf);
    const faults: string[] = [];
    for (const conversation of new Set(asked.map((one) => one.conversation))) {
      const of = <A extends Notice>(notices: ReadonlyArray<A>) =>
        notices.filter((one) => one.conversation === conversation);
      const status = await succeed(settings.noticeStatus(conversation));
      faults.push(...faultsIn(of(asked), of(taken), of(left), status));
    }
    return { asked, exit, faults, taken };
  });
};

test("a Redis killed under load, whose file is flushed always, loses nothing that was acknowledged", async (t) => {
  const node = await startNode("--appendonly", "yes", "--appendfsync", "always");
  t.teardown(node.close);
  const { asked, exit, faults, taken } = await play(LONGEST_MS, (deployment) =>
    playKills(node, deployment),
  );
  t.deepEqual(faults, []);
  t.is(exit, 0);
  const outcomes = asked.map(({ outcome }) => outcome);
  t.true(
    outcomes.filter((one) => one === "acknowledged").length >=
      2 * ACKNOWLEDGED_A_ROUND * ROUNDS.length,
  );
  t.true(outcomes.includes("unavailable"));
  t.true(taken.length > 0);
});

/** The senders of what RongCloud took of a group's notices, in their order. */
const takenIn = ({ taken }: FakeRongCloud, group: string): ReadonlyArray<string | undefined> =>
  taken.filter(({ form }) => form.toGroupId === group).map(({ form }) => form.fromUserId);

const sendAs = async ({ tokenFor }: Deployment, server: Asking, sender: string): Promise<string> =>
  resultOf(await send(server, await tokenFor(sender)));

const playClaimerKilled = async (node: Node, deployment: Deployment) => {
  const { rongCloud, start } = deployment;
  const claimer = await start({ STORE: "redis", REDIS_URL: node.url });
  const survivor = await start({ STORE: "redis", REDIS_URL: node.url });
  survivor.child.kill("SIGSTOP");
  rongCloud.behave("hang");
  const results = [
    await sendAs(deployment, claimer, "alice"),
    await sendAs(deployment, claimer, "bob"),
  ];
  await rongCloud.whenAttempted(1);
  survivor.child.kill("SIGCONT");
  // While the claim lasts, the other leaves it alone.
  results.push(await sendAs(deployment, survivor, "carol"));
  await survivor.line(({ msg }) => msg === "request");
  const before = rongCloud.attempts;
  await claimer.end("SIGKILL");
  rongCloud.behave("take");
  await rongCloud.whenTaken(3);
  const exit = await survivor.end("SIGTERM");
  const left = await withStore(node, ({ outbox }) => succeed(outbox.status(Date.now())));
  return {
    results,
    exit,
    before,
    attempts: rongCloud.attempts,
    left,
    taken: takenIn(rongCloud, "g"),
  };
};

const TOGETHER = Array.from({ length: 20 }, (_, index) => `n${index}`);
const GROUPS = ["g0", "g1", "g2", "g3", "g4", "g5", "g6", "g7"];

const playTogether = async (node: Node, { rongCloud, start, tokenFor }: Deployment) => {
  await withStore(node, async ({ relationships }) => {
    for (const group of GROUPS) {
      await succeed(relationships.addMembers(id(group), TOGETHER.map(id)));
    }
  });
  const variables = { ...UNHURRIED, STORE: "redis", REDIS_URL: node.url };
  const first = await start(variables);
  const second = await start(variables);
  const n0 = await tokenFor("n0");
  const target = { conversationType: 3, targetId: "g0" };
  await post(first, "/misc/set_screen_capture", n0, { ...target, noticeStatus: 1 });
  const read = await (await post(second, "/misc/get_screen_capture", n0, target)).json();
  rongCloud.behave({ delayMs: 20 });
  const results = new Set<string>();
  await Promise.all(
    GROUPS.map(async (targetId) => {
      for (const [index, sender] of TOGETHER.entries()) {
        const server = index % 2 === 0 ? first : second;
        const body = { conversationType: 3, targetId };
        results.add(
          await resultOf(await post(server, "/misc/send_sc_msg", await tokenFor(sender), body)),
        );
      }
    }),
  );
  await rongCloud.whenTaken(1 + GROUPS.length * TOGETHER.length);
  const exits = [await first.end("SIGTERM"), await second.end("SIGTERM")];
  return {
    read,
    results: [...results],
    exits,
    attempts: rongCloud.attempts,
    taken: GROUPS.map((group) => takenIn(rongCloud, group)),
    left: await withStore(node, ({ outbox }) => succeed(outbox.status(Date.now()))),
  };
};

const NOTHING = { pending: 0, inFlight: 0, dead: 0 };

test("what a killed server had claimed is delivered by the other, and by nobody before", async (t) => {
  const { results, exit, attempts, before, left, taken } = await claimerKilled;
  t.deepEqual(results, ["200", "200", "200"]);
  t.is(before, 1);
  t.deepEqual(taken, ["alice", "bob", "carol"]);
  t.is(attempts, before + 3);
  t.like(left, NOTHING);
  t.is(exit, 0);
});

test("two servers on one Redis see one status, and deliver each notice once, in order", async (t) => {
  const node = await startNode();
  t.teardown(node.close);
  const { attempts, exits, left, read, results, taken } = await play(LONGEST_MS, (deployment) =>
    playTogether(node, deployment),
  );
  t.deepEqual(read, { code: 200, result: { status: 1 } });
  t.deepEqual(results, ["200"]);
  const [g0, ...rest] = taken;
  t.deepEqual(g0, ["n0", ...TOGETHER]);
  t.deepEqual(
    rest,
    GROUPS.slice(1).map(() => TOGETHER),
  );
  t.is(attempts, 1 + GROUPS.length * TOGETHER.length);
  t.like(left, NOTHING);
  t.deepEqual(exits, [0, 0]);
});

test("the server's log names a key that is not ours", async (t) => {
  const node = await startNode();
  t.teardown(node.close);
  await enrol(node);
  await play(LONGEST_MS, async ({ start, tokenFor }) => {
    const server = await start({ STORE: "redis", REDIS_URL: node.url });
    const alice = await tokenFor("alice");
    await node.call("SET", ours.statuses, "foreign");
    t.deepEqual(await askAll(server, alice), [DOWN, DOWN, DOWN]);
    await node.call("DEL", ours.statuses);
    await node.call("SET", ours.due("GROUP"), "foreign");
    t.deepEqual(await askAll(server, alice), [DOWN, "200", DOWN]);
    const { cause } = await server.line(({ msg }) => msg === "outbox not at hand");
    t.is(cause, `zrange ${ours.due("GROUP")}: ${WRONG_TYPE}`);
    const causes = server.lines.flatMap(({ error }) =>
      error === undefined ? [] : [JSON.stringify(error)],
    );
    t.is(causes.length, 5);
    t.is(causes.filter((one) => one.includes(ours.statuses)).length, 3);
    t.is(causes.filter((one) => one.includes(ours.due("GROUP"))).length, 2);
    await node.call("DEL", ours.due("GROUP"));
    await untilServed(server, alice);
    t.is(await server.end("SIGTERM"), 0);
  });
});

const WRONG_TYPE = "WRONGTYPE Operation against a key holding the wrong kind of value";

// A lease is eight seconds of real time: it runs out while the other tests are run.
const claimerKilled = (async () => {
  const node = await startNode();
  try {
    await enrol(node);
    return await play(LONGEST_MS, (deployment) => playClaimerKilled(node, deployment));
  } finally {
    await node.close();
  }
})();
claimerKilled.catch(() => {});
