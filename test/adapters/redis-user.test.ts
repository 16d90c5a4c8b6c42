/** The user that docs/operating.md has for Redis: it can do all that is needed, and little else. */
import { readFile } from "node:fs/promises";
import * as O from "fp-ts/lib/Option.js";
import * as TE from "fp-ts/lib/TaskEither.js";
import { Redis } from "ioredis";
import { makeRateLimit } from "../../adapters/rate-limit/mod.ts";
import { openRedisStore, type RedisStoreOptions } from "../../adapters/redis/mod.ts";
import { fail, id, succeed } from "../contract/expect.ts";
import { makeClock, noticeFrom } from "../contract/fixtures.ts";
import { outboxContract } from "../contract/outbox.ts";
import { directoryContract } from "../contract/relationships.ts";
import { importableSettingsContract } from "../contract/settings-repository.ts";
import { transferContract } from "../contract/store-transfer.ts";
import { testContract } from "../support/contract.ts";
import { startRedisCluster } from "../support/redis-cluster.ts";
import { startRedisServer } from "../support/redis-server.ts";
import { test } from "../support/test.ts";

const [, rules = ""] =
  /^user (sealtalk-misc on >PASSWORD .+)$/m.exec(await readFile("docs/operating.md", "utf8")) ?? [];

const enrol = (admin: Redis): Promise<unknown> => admin.call("ACL", "SETUSER", ...rules.split(" "));

const asUser = (url: string): string => url.replace("://", "://sealtalk-misc:PASSWORD@");

const server = await startRedisServer("--appendonly", "yes", "--appendfsync", "always");
const admin = new Redis(server.url);
await enrol(admin);
test.after.always(server.close);
test.after.always(() => admin.disconnect());

let stores = 0;

const open = (options: Partial<RedisStoreOptions> = {}) => {
  stores += 1;
  return openRedisStore({
    urls: [asUser(`${server.url}/3`)],
    prefix: `sealtalk-misc:${stores}:`,
    ...options,
  });
};

testContract("redis user's settings", importableSettingsContract, async () => {
  const store = await open();
  return { subject: store, close: store.close };
});

testContract("redis user's outbox", outboxContract, async () => {
  const clock = makeClock();
  const { outbox, close } = await open({ now: clock.now });
  return { subject: { outbox, clock }, close };
});

testContract("redis user's relationships", directoryContract, async () => {
  const { relationships, close } = await open();
  return { subject: relationships, close };
});

test("the user cannot export before it may scan, and the fault names the command", async (t) => {
  const { transfer, close } = await open();
  t.teardown(close);
  for await (const page of transfer.read()) {
    t.regex((await fail(TE.fromEither(page))).cause, /^NOPERM .*scan/);
  }
  await admin.call("ACL", "LOG", "RESET");
});

testContract("redis user's transfer", transferContract, async () => {
  await admin.call("ACL", "SETUSER", "sealtalk-misc", "+scan");
  const clock = makeClock();
  const [from, to] = await Promise.all([open({ now: clock.now }), open({ now: clock.now })]);
  return {
    subject: { from, to, clock },
    close: async () => {
      await Promise.all([from.close(), to.close()]);
      await admin.call("ACL", "SETUSER", "sealtalk-misc", "-scan");
    },
  };
});

test("the user may count rates, look for risks and wait for replicas", async (t) => {
  const { client, risks, close } = await open();
  const limit = makeRateLimit(1, {
    client,
    prefix: "sealtalk-misc:",
    onFault: ({ cause }) => t.fail(cause),
  });
  t.deepEqual(await limit(id("alice"))(), O.none);
  t.like(await limit(id("alice"))(), { _tag: "Some" });
  t.deepEqual(await succeed(risks), []);
  await close();

  const replicated = await open({ minReplicas: 1, commandMs: 500 });
  const { cause } = await fail(
    replicated.settings.setNoticeStatus("group:7", 1, noticeFrom("alice")),
  );
  t.is(cause, "fewer than 1 replicas have the write");
  await replicated.close();
});

test("the user of each server of a Cluster may do all there", async (t) => {
  const cluster = await startRedisCluster({ replicated: false });
  t.teardown(cluster.close);
  // Of these keys each has another primary.
  const nodes = await Promise.all(["a", "b", "c"].map(cluster.primaryOf));
  t.is(new Set(nodes).size, 3);
  await Promise.all(nodes.map((node) => enrol(node.admin)));
  const store = await open({ urls: cluster.urls.map(asUser) });
  t.teardown(store.close);
  await succeed(store.settings.ready());
  await succeed(store.settings.setNoticeStatus("group:7", 1, noticeFrom("alice")));
  await succeed(store.outbox.retry(0));
  await succeed(store.relationships.addFriends([[id("alice"), id("bob")]]));
  await succeed(store.risks);
  for (const node of nodes) {
    t.deepEqual(await node.admin.call("ACL", "LOG"), []);
  }
});

test("of all that nothing was refused to the user", async (t) => {
  t.deepEqual(await admin.call("ACL", "LOG"), []);
});

test("the user may do nothing to others", async (t) => {
  const user = new Redis(asUser(server.url));
  t.teardown(() => user.disconnect());
  for (const [command, ...args] of [
    ["GET", "another"],
    ["SET", "another", "1"],
    ["EVAL", "return redis.call('GET', 'another')", "0"],
    ["KEYS", "*"],
    ["SCAN", "0"],
    ["FLUSHDB"],
    ["SWAPDB", "0", "1"],
    ["CONFIG", "SET", "appendonly", "no"],
    ["SCRIPT", "FLUSH"],
    ["CLIENT", "KILL", "ID", "1"],
    ["CLUSTER", "RESET"],
    ["ACL", "LIST"],
    ["SHUTDOWN"],
    ["MONITOR"],
    ["PUBLISH", "channel", "text"],
  ] as const) {
    await t.throwsAsync(user.call(command, ...args), {
      message: /NOPERM|can't access at least one of the keys/i,
    });
  }
});
