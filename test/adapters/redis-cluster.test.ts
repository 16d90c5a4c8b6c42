import { openRedisStore, type RedisStoreOptions } from "../../adapters/redis/mod.ts";
import { fail, succeed } from "../contract/expect.ts";
import { testCases } from "../support/contract.ts";
import { startRedisCluster } from "../support/redis-cluster.ts";
import { startRedisSentinel } from "../support/redis-sentinel.ts";
import { redisCases } from "../support/subjects/redis.ts";
import { test } from "../support/test.ts";

const [cluster, sentinel] = await Promise.all([startRedisCluster(), startRedisSentinel()]);
test.after.always(cluster.close);
test.after.always(sentinel.close);

let stores = 0;

const deployments: ReadonlyArray<readonly [string, RedisStoreOptions]> = [
  ["Cluster", { urls: cluster.urls }],
  ["Cluster with replicas", { urls: cluster.urls, minReplicas: 1 }],
  ["Sentinel with replicas", { urls: sentinel.urls, sentinel: sentinel.name, minReplicas: 1 }],
];

for (const [name, options] of deployments) {
  const open = (now: () => number = Date.now) => {
    stores += 1;
    return openRedisStore({ ...options, prefix: `test${stores}:`, now });
  };

  testCases(redisCases(`redis ${name}`, open));
}

test("who is given one server of a Cluster is told to list several: it may be one twice", async (t) => {
  const [url = ""] = cluster.urls;
  const once = await openRedisStore({ urls: [url] });
  const { cause } = await fail(once.settings.ready());
  t.regex(cause, /^MOVED \S+ \S+: .* REDIS_URL is to list several$/);
  const twice = await openRedisStore({ urls: [url, url] });
  await succeed(twice.settings.ready());
  await Promise.all([once.close(), twice.close()]);
});
