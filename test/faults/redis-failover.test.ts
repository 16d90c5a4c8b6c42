import { setTimeout as delay } from "node:timers/promises";
import * as E from "fp-ts/lib/Either.js";
import * as RA from "fp-ts/lib/ReadonlyArray.js";
import { makeKeys } from "../../adapters/redis/keys.ts";
import {
  openRedisStore,
  type RedisStore,
  type RedisStoreOptions,
} from "../../adapters/redis/mod.ts";
import type { Claim } from "../../core/domain/delivery.ts";
import type { Outbox } from "../../core/ports/outbox.ts";
import { fail, id, succeed } from "../contract/expect.ts";
import { drain, noticeFrom, senders } from "../contract/fixtures.ts";
import { startRedisCluster } from "../support/redis-cluster.ts";
import { startRedisSentinel } from "../support/redis-sentinel.ts";
import { type ExecutionContext, test } from "../support/test.ts";
import { until } from "../support/until.ts";

const CONVERSATIONS = Array.from({ length: 8 }, (_, index) => `group:${index}`);
const PREFIX = "test:";

// Each test leaves the Cluster with all servers up and the outbox empty.
const [cluster, sentinel] = await Promise.all([startRedisCluster(), startRedisSentinel()]);
test.after.always(cluster.close);
test.after.always(sentinel.close);

/** A key in the slot that a conversation is in. */
const keyOf = (conversation: string): string => makeKeys(PREFIX).partitionOf(conversation).statuses;

// Whoever sets without a pause fills the queues beyond what is drained in the time of a test.
const PACE_MS = 20;

/** Who sets a conversation again and again, and what was answered, by the senders of the notices. */
interface Load {
  /** Waits until every conversation has been acknowledged so many sets more. */
  readonly more: (count: number) => Promise<void>;
  /** Ends it after the sets that are under way. */
  readonly stop: () => Promise<void>;
  readonly asked: ReadonlyMap<string, ReadonlyArray<string>>;
  readonly acknowledged: ReadonlyMap<string, ReadonlyArray<string>>;
}

const startLoad = ({ settings }: RedisStore): Load => {
  const asked = new Map<string, string[]>(CONVERSATIONS.map((name) => [name, []]));
  const acknowledged = new Map<string, string[]>(CONVERSATIONS.map((name) => [name, []]));
  let stopping = false;

  const loops = CONVERSATIONS.map(async (conversation) => {
    for (let number = 0; !stopping; number += 1) {
      const sender = `${conversation}-${number}`.replace(":", "-");
      asked.get(conversation)?.push(sender);
      const status = number % 2 === 0 ? 0 : 1;
      const answer = await settings.setNoticeStatus(conversation, status, noticeFrom(sender))();
      if (E.isRight(answer)) {
        acknowledged.get(conversation)?.push(sender);
      }
      await delay(PACE_MS);
    }
  });

  const counts = () => CONVERSATIONS.map((name) => acknowledged.get(name)?.length ?? 0);
  return {
    asked,
    acknowledged,
    more: async (count) => {
      const before = counts();
      await until(`${count} sets more are acknowledged`, async () =>
        counts().every((now, index) => now >= (before[index] ?? 0) + count),
      );
    },
    stop: async () => {
      stopping = true;
      await Promise.all(loops);
    },
  };
};

/** Whether all of `some` are among `all`, in the same order. */
const isWithin = (some: ReadonlyArray<string>, all: ReadonlyArray<string>): boolean => {
  const rest = all.values();
  return some.every((one) => {
    for (const other of rest) {
      if (other === one) {
        return true;
      }
    }
    return false;
  });
};

/** Claims and delivers what comes up first. */
const drainOne = async (outbox: Outbox): Promise<ReadonlyArray<Claim>> => {
  const at = Date.now();
  const claimed = RA.fromOption(await succeed(outbox.claim("GROUP", at, at + 60_000)));
  for (const claim of claimed) {
    await succeed(outbox.settle(claim, { _tag: "DELIVERED" }));
  }
  return claimed;
};

/** Sets a conversation until that fails, and says why it did. */
const firstFault = async ({ settings }: RedisStore, conversation: string): Promise<string> => {
  for (;;) {
    const answer = await settings.setNoticeStatus(conversation, 1, noticeFrom("a"))();
    if (E.isLeft(answer)) {
      return answer.left.cause;
    }
  }
};

const open = async (t: ExecutionContext, options: RedisStoreOptions): Promise<RedisStore> => {
  const store = await openRedisStore({ prefix: PREFIX, minReplicas: 1, ...options });
  t.teardown(store.close);
  return store;
};

/** What was acknowledged is there, what is there was asked for, once at most, all in order. */
const assertKept = async (
  t: ExecutionContext,
  options: RedisStoreOptions,
  load: Load,
): Promise<void> => {
  const store = await open(t, { ...options, minReplicas: 0 });
  const statuses = await Promise.all(
    CONVERSATIONS.map((conversation) => succeed(store.settings.noticeStatus(conversation))),
  );
  const claims = await drain(store.outbox);
  for (const [index, conversation] of CONVERSATIONS.entries()) {
    const kept = senders(claims.filter((claim) => claim.conversation === conversation));
    const acknowledged = load.acknowledged.get(conversation) ?? [];
    const asked = load.asked.get(conversation) ?? [];
    const lost = acknowledged.filter((sender) => !kept.includes(sender));
    t.deepEqual(lost, [], `${conversation} lost what was acknowledged`);
    t.true(isWithin(kept, asked), `${conversation} is out of order, or has something twice`);
    const last = Number(kept.at(-1)?.split("-").at(-1));
    t.is(statuses[index], last % 2 === 0 ? 0 : 1, `${conversation} has another's status`);
  }
};

test("a Cluster whose primary is killed loses nothing that was acknowledged", async (t) => {
  const options = { urls: cluster.urls };
  const store = await open(t, options);
  const another = await open(t, { ...options, minReplicas: 0, prefix: "another:" });
  const load = startLoad(store);
  t.teardown(load.stop);

  await load.more(20);
  const killed = await cluster.primaryOf(keyOf("group:0"));
  const failingOver = cluster.failOver(killed);
  // Whoever is told that it failed may set again: nothing may send the old one after that.
  t.notRegex(await firstFault(another, "group:0"), /timed out/);
  await failingOver;
  // Its replica is a primary without one now: nothing can be acknowledged there until it is back.
  await cluster.restart(killed);
  await load.more(20);
  await load.stop();

  await assertKept(t, options, load);
});

test("a slot that is moved while it is in use loses nothing that was acknowledged", async (t) => {
  const options = { urls: cluster.urls };
  const store = await open(t, options);
  const load = startLoad(store);
  t.teardown(load.stop);

  await load.more(20);
  for (const conversation of CONVERSATIONS.slice(0, 4)) {
    await cluster.migrate(keyOf(conversation));
    await load.more(5);
  }
  await load.stop();

  await assertKept(t, options, load);
});

test("what the other primary took in a slot's move counts its own replicas", async (t) => {
  const { relationships } = await open(t, { urls: cluster.urls });
  const [group, first, second] = [id("g"), id("1"), id("2")];

  await succeed(relationships.addMembers(group, [first]));
  await cluster.migrate(`${PREFIX}members:${group}`, async (_from, to) => {
    const replica = await cluster.replicaOf(to);
    replica.signal("SIGSTOP");
    const { _tag } = await fail(relationships.addMembers(group, [second]));
    t.is(_tag, "STORE_UNAVAILABLE");
    replica.signal("SIGCONT");
  });

  await succeed(relationships.addMembers(group, [second]));
  t.deepEqual(await succeed(relationships.membersOf(group)), [first, second]);
});

test("a conversation whose slot is being moved does not hold up the others", async (t) => {
  const { outbox } = await open(t, { urls: cluster.urls });
  const [moving = "", other = ""] = CONVERSATIONS;
  t.not(keyOf(moving), keyOf(other));

  await succeed(outbox.add(moving, noticeFrom("first")));
  await succeed(outbox.add(other, noticeFrom("second")));
  await cluster.migrate(keyOf(moving), async () => {
    t.deepEqual(senders(await drainOne(outbox)), ["second"]);
  });
  t.deepEqual(senders(await drainOne(outbox)), ["first"]);
});

test("a primary that is killed under Sentinels loses nothing that was acknowledged", async (t) => {
  const options = { urls: sentinel.urls, sentinel: sentinel.name };
  const store = await open(t, options);
  const load = startLoad(store);
  t.teardown(load.stop);

  await load.more(20);
  await sentinel.failOver();
  await load.more(20);
  await load.stop();

  await assertKept(t, options, load);
});
