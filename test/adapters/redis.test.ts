import test from "ava";
import { openRedisStore, type RedisStore } from "../../adapters/redis/mod.ts";
import { makeClock } from "../contract/fixtures.ts";
import { outboxContract } from "../contract/outbox.ts";
import { relationshipsContract } from "../contract/relationships.ts";
import { settingsContract } from "../contract/settings-repository.ts";
import { testContract } from "../support/contract.ts";
import { startRedisServer } from "../support/redis-server.ts";

const server = await startRedisServer();
test.after.always(server.close);

let stores = 0;

/** A store of its own on the server that all share. */
const open = (now: () => number = Date.now): Promise<RedisStore> => {
  stores += 1;
  return openRedisStore({ urls: [server.url], prefix: `test${stores}:`, now });
};

testContract("redis settings", settingsContract, async () => {
  const store = await open();
  return { subject: store, close: store.close };
});

testContract("redis outbox", outboxContract, async () => {
  const clock = makeClock();
  const { outbox, close } = await open(clock.now);
  return { subject: { outbox, clock }, close };
});

testContract("redis relationships", relationshipsContract, async () => {
  const { relationships, close } = await open();
  return { subject: relationships, close };
});
