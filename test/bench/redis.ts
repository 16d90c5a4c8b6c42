/**
 * Redis: a status read and set, against bare hapi doing one command on the same Redis; and what more
 * conversations come to.
 */
import { Redis } from "ioredis";
import { makeKeys } from "../../adapters/redis/keys.ts";
import { openRedisStore } from "../../adapters/redis/mod.ts";
import { STATUS } from "../../adapters/redis/settings.ts";
import type { ConversationKey } from "../../core/domain/conversation.ts";
import { succeed } from "../contract/expect.ts";
import { noticeFrom } from "../contract/fixtures.ts";
import { type RedisServer, startRedisServer } from "../support/redis-server.ts";
import { makeTempDir } from "../support/temp-dir.ts";
import {
  compare,
  type Headers,
  type Load,
  type Measured,
  median,
  print,
  startBare,
  startQuietly,
} from "./measure.ts";
import { GET_STATUS, SET_STATUS, signIn } from "./routes.ts";

const SIZES = [1_000, 100_000, 1_000_000];
const OPERATIONS = 2_000;
const PREFIX = "bench:";

export const benchRedis = async (): Promise<void> => {
  const redis = await startRedisServer();
  const { dir, remove } = await makeTempDir();
  const variables = {
    DATA_DIR: dir,
    RATE_LIMIT: "0",
    MESSAGE_GATEWAY: "log",
    STORE: "redis",
    REDIS_URL: redis.url,
    // An outage is among what is measured.
    LOG_LEVEL: "fatal",
  };
  const headers = await signIn(variables);
  const loads = [
    { ...GET_STATUS, command: ["GET", "bench"] as const },
    { ...SET_STATUS, command: ["SET", "bench", "1"] as const },
  ];
  const ours = await startQuietly(variables);
  const bare = await startBare(ours, headers, loads, redis.url);
  print("| route, on Redis | of bare hapi and one command | requests/s | bare hapi |");
  print("|---|---|---|---|");
  await compare(ours, bare, headers, loads);
  print("");
  await bare.end();
  await benchOutage(ours, headers, redis);
  await ours.end();
  await remove();
  await benchGrowth();
};

/** How soon a get and a set are refused once Redis is killed, and answered once it is back. */
const benchOutage = async (
  { url }: Measured,
  headers: Headers,
  { port, close: kill }: RedisServer,
): Promise<void> => {
  const statusOf = async ({ method, path, body = "" }: Load): Promise<number> =>
    (await fetch(`${url}${path}`, { method, headers, body })).status;
  await kill();
  const waits: number[] = [];
  for (const load of [GET_STATUS, SET_STATUS, GET_STATUS, SET_STATUS]) {
    const began = performance.now();
    const status = await statusOf(load);
    waits.push(performance.now() - began);
    if (status !== 503) {
      throw new Error(`${load.path}: ${status} though Redis was killed`);
    }
  }
  const again = await startRedisServer("--port", String(port));
  const began = performance.now();
  // What was stored is gone with this Redis, the friendship too: a refusal by it is an answer.
  while ((await statusOf(SET_STATUS)) === 503) {
    // Again, at once.
  }
  const back = performance.now() - began;
  print(`Redis killed: each of four requests is 503 within ${Math.max(...waits).toFixed(0)} ms.`);
  print(`Redis started: the first answer after ${back.toFixed(0)} ms.`);
  print("");
  await again.close();
};

const conversationOf = (number: number): ConversationKey => `private:${number}:${number + 1}`;

/** The time that one operation takes, one after another, in microseconds. */
const microseconds = async (operation: (number: number) => Promise<unknown>): Promise<number> => {
  const times: number[] = [];
  for (let number = 0; number < OPERATIONS; number += 1) {
    const began = performance.now();
    await operation(number);
    times.push((performance.now() - began) * 1_000);
  }
  return median(times);
};

const usedMegabytes = async (client: Redis): Promise<number> =>
  Number(/used_memory:(\d+)/.exec(await client.info("memory"))?.[1]) / 2 ** 20;

const benchGrowth = async (): Promise<void> => {
  const redis = await startRedisServer();
  const client = new Redis(redis.url);
  const store = await openRedisStore({ urls: [redis.url], prefix: PREFIX });
  const { partitionOf } = makeKeys(PREFIX);
  const empty = await usedMegabytes(client);
  const first: Record<string, number> = {};
  print(
    "| conversations | PING | get | set | deliver | of 1,000: get, set, deliver | Redis's memory |",
  );
  print("|---|---|---|---|---|---|---|");
  let stored = 0;
  for (const size of SIZES) {
    while (stored < size) {
      const pipeline = client.pipeline();
      for (const end = stored + 1_000; stored < end; stored += 1) {
        const conversation = conversationOf(stored);
        pipeline.hset(partitionOf(conversation).statuses, conversation, STATUS.write(1));
      }
      await pipeline.exec();
    }
    const spread = (number: number): ConversationKey =>
      conversationOf(Math.floor((number * size) / OPERATIONS));
    const used = (await usedMegabytes(client)) - empty;
    const ping = await microseconds(() => client.ping());
    const get = await microseconds((number) =>
      succeed(store.settings.noticeStatus(spread(number))),
    );
    const set = await microseconds((number) =>
      succeed(store.settings.setNoticeStatus(spread(number), 1, noticeFrom("1", "PRIVATE"))),
    );
    const deliver = await microseconds(async () => {
      const now = Date.now();
      const claimed = await succeed(store.outbox.claim("PRIVATE", now, now + 8_000));
      if (claimed._tag === "None") {
        throw new Error("there is nothing to deliver");
      }
      await succeed(store.outbox.settle(claimed.value, { _tag: "DELIVERED" }));
    });
    const times = { get, set, deliver };
    const ratios = Object.entries(times).map(([name, time]) => {
      first[name] ??= time;
      return (time / first[name]).toFixed(2);
    });
    print(
      `| ${size.toLocaleString("en")} | ${[ping, get, set, deliver].map((time) => `${time.toFixed(0)} µs`).join(" | ")} | **${ratios.join(", ")}** | ${used.toFixed(1)} MB |`,
    );
  }
  await store.close();
  client.disconnect();
  await redis.close();
};
