/** What a Redis store exports, and what it refuses, beyond what every store promises. */
import * as E from "fp-ts/lib/Either.js";
import { Redis } from "ioredis";
import { makeKeys } from "../../adapters/redis/keys.ts";
import { openRedisStore, type RedisStore } from "../../adapters/redis/mod.ts";
import type { StoreRecord } from "../../core/mod.ts";
import { fail, id, succeed } from "../contract/expect.ts";
import { makeClock, noticeFrom } from "../contract/fixtures.ts";
import { readRecords } from "../contract/store-transfer.ts";
import { startRedisServer } from "../support/redis-server.ts";
import { type ExecutionContext, test } from "../support/test.ts";

const server = await startRedisServer();
const admin = new Redis(server.url);
test.after.always(server.close);
test.after.always(() => admin.disconnect());

const open = async (t: ExecutionContext, prefix: string): Promise<RedisStore> => {
  const store = await openRedisStore({ urls: [server.url], prefix, now: makeClock().now });
  t.teardown(store.close);
  return store;
};

/** The fault that ends the reading of a store. */
const faultOf = async ({ transfer }: RedisStore): Promise<string> => {
  for await (const page of transfer.read()) {
    if (E.isLeft(page)) {
      return page.left.cause;
    }
  }
  return "none";
};

test("read() keeps to the store's prefix when it has characters of a pattern", async (t) => {
  const store = await open(t, "a*[bc]?\\:");
  await succeed(store.relationships.addMembers(id("ours"), [id("alice")]));
  for (const prefix of ["a*b?\\:", "a1b2:", "ab:"]) {
    const other = await open(t, prefix);
    await succeed(other.relationships.addMembers(id("theirs"), [id("alice")]));
  }
  t.deepEqual(await readRecords(store), [{ _tag: "MEMBER", group: id("ours"), user: id("alice") }]);
});

test("read() reads more sets than one page holds", async (t) => {
  const store = await open(t, "many:");
  const pairs = Array.from({ length: 2_500 }, (_, index) => [id("a"), id(`b${index}`)] as const);
  await succeed(store.relationships.addFriends(pairs));
  const friends = await readRecords(store);
  t.is(friends.length, pairs.length);
  t.is(new Set(friends.map((record) => JSON.stringify(record))).size, pairs.length);
});

const PREFIX = "damaged:";
const G = "group:g";
const partition = makeKeys(PREFIX).partitionOf(G);
const FRIENDS = `${PREFIX}friends:alice`;

const DAMAGES: ReadonlyArray<
  readonly [string, string, ReadonlyArray<readonly [string, ...string[]]>]
> = [
  ["a friend that is no id", FRIENDS, [["SADD", FRIENDS, "no id"]]],
  ["a set of another type", FRIENDS, [["SET", FRIENDS, "text"]]],
  ["a set of no user's name", `${PREFIX}friends:a:b`, [["SADD", `${PREFIX}friends:a:b`, "alice"]]],
  ["a status of a newer version", partition.statuses, [["HSET", partition.statuses, G, '{"v":2}']]],
  [
    "a notice of a newer version",
    partition.queue(G),
    [["RPUSH", partition.queue(G), '7 {"v":2,"value":{}}']],
  ],
  ["tries that are no number", partition.state(G), [["HSET", partition.state(G), "tries", "x"]]],
  [
    "a time that is no number",
    partition.due("GROUP"),
    [["ZADD", partition.due("GROUP"), "+inf", G]],
  ],
  ["a dead letter that is damaged", partition.dead, [["RPUSH", partition.dead, "{"]]],
];

for (const [what, key, commands] of DAMAGES) {
  test(`read() fails and names the key when it meets ${what}`, async (t) => {
    const store = await open(t, PREFIX);
    t.teardown(() => admin.flushdb());
    await succeed(store.settings.setNoticeStatus(G, 1, noticeFrom("alice")));
    t.is(await faultOf(store), "none");
    for (const [command, ...args] of commands) {
      await admin.call(command, ...args);
    }
    const cause = await faultOf(store);
    t.true(cause.includes(key), cause);
  });
}

const NOTICE: StoreRecord = {
  _tag: "NOTICE",
  conversation: G,
  notice: noticeFrom("alice"),
  attempts: 0,
  storedAt: 0,
  dueAt: 0,
  reason: "away",
};

for (const [what, command, key, ...args] of [
  ["the queue", "SET", partition.queue(G), "text"],
  ["the state", "SET", partition.state(G), "text"],
  ["a tally", "HSET", partition.tallies, "postponed away", "text"],
  ["the sequence", "SET", partition.sequence, "text"],
  ["the marker", "HSET", partition.received, "export", "text"],
] as const) {
  test(`write() stores nothing of a partition in which ${what} is damaged, and goes on once it is mended`, async (t) => {
    const store = await open(t, PREFIX);
    t.teardown(() => admin.flushdb());
    await admin.call(command, key, ...args);
    const { cause } = await fail(store.transfer.write("export", 0, [NOTICE]));
    t.true(cause.includes(key), cause);
    t.is(await succeed(store.transfer.received("export")), 0);
    await admin.del(key);
    await succeed(store.transfer.write("export", 0, [NOTICE]));
    t.deepEqual(await readRecords(store), [NOTICE]);
    t.is(await succeed(store.transfer.received("export")), 1);
  });
}
