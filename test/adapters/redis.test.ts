import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as O from "fp-ts/lib/Option.js";
import {
  makeFailureLimit,
  makeRateLimit,
  type SharedCountFault,
} from "../../adapters/rate-limit/mod.ts";
import {
  openRedisStore,
  type RedisStore,
  type RedisStoreOptions,
} from "../../adapters/redis/mod.ts";
import { id, succeed } from "../contract/expect.ts";
import { makeClock } from "../contract/fixtures.ts";
import { makeCertificate } from "../support/certificate.ts";
import { testCases } from "../support/contract.ts";
import { freePort, startRedisServer } from "../support/redis-server.ts";
import { redisCases } from "../support/subjects/redis.ts";
import { makeTempDir } from "../support/temp-dir.ts";
import { test } from "../support/test.ts";

const server = await startRedisServer();
test.after.always(server.close);

let stores = 0;

/** A store of its own on the server that all share. */
const open = (now: () => number = Date.now): Promise<RedisStore> => {
  stores += 1;
  return openRedisStore({ urls: [server.url], prefix: `test${stores}:`, now });
};

testCases(redisCases("redis", open));

test("a user's requests are counted for all processes that share a Redis", async (t) => {
  const [first, second] = await Promise.all([open(), open()]);
  const limits = [first, second].map(({ client }) =>
    makeRateLimit(2, { client, prefix: "limits:", onFault: (fault) => t.fail(fault.cause) }),
  );
  const consume = (index: number): Promise<unknown> =>
    limits[index]?.(id("alice"))() ?? Promise.reject(new Error("no such process"));
  t.deepEqual(await consume(0), O.none);
  t.deepEqual(await consume(1), O.none);
  t.like(await consume(0), { _tag: "Some" });
  t.like(await consume(1), { _tag: "Some" });
  t.deepEqual(await limits[0]?.(id("bob"))(), O.none);
  await Promise.all([first.close(), second.close()]);
});

test("an address's failures are counted for all processes that share a Redis, alone while it is away", async (t) => {
  const stores = await Promise.all([open(), open()]);
  const faults: SharedCountFault[] = [];
  const [first, second] = stores.map(({ client }) =>
    makeFailureLimit(2, { client, prefix: "failed:", onFault: (fault) => faults.push(fault) }),
  );
  await first?.count("192.0.2.1")();
  await second?.count("192.0.2.1")();
  t.like(await first?.refusal("192.0.2.1")(), { _tag: "Some" });
  t.like(await second?.refusal("192.0.2.1")(), { _tag: "Some" });
  t.deepEqual(await second?.refusal("192.0.2.2")(), O.none);
  t.deepEqual(faults, []);
  await Promise.all(stores.map(({ close }) => close()));
  await first?.count("192.0.2.3")();
  await first?.count("192.0.2.3")();
  t.like(await first?.refusal("192.0.2.3")(), { _tag: "Some" });
  t.is(faults.length, 1);
});

test("a user's requests are counted, and it is told now and then, where a key is not the limit's", async (t) => {
  const { client, close } = await open();
  t.teardown(close);
  const clock = makeClock();
  const faults: SharedCountFault[] = [];
  const limit = makeRateLimit(2, {
    client,
    prefix: "foreign:",
    onFault: (fault) => faults.push(fault),
    now: clock.now,
  });
  await client.set("foreign:rate:alice", "not a number");
  t.deepEqual([await limit(id("alice"))(), await limit(id("alice"))()], [O.none, O.none]);
  t.like(await limit(id("alice"))(), { _tag: "Some" });
  t.is(faults.length, 1);
  t.is(faults[0]?.key, "foreign:rate:alice");
  t.regex(faults[0]?.cause ?? "", /not an integer/);
  clock.set(60_000);
  await limit(id("alice"))();
  t.is(faults.length, 2);
});

test("a user's requests are counted soon while Redis is stalled", async (t) => {
  const stalled = await startRedisServer();
  t.teardown(stalled.close);
  const { client, close } = await openRedisStore({ urls: [stalled.url], commandMs: 2_000 });
  t.teardown(close);
  const faults: SharedCountFault[] = [];
  const limit = makeRateLimit(2, { client, prefix: "", onFault: (fault) => faults.push(fault) });
  stalled.signal("SIGSTOP");
  const startedAt = performance.now();
  t.deepEqual([await limit(id("alice"))(), await limit(id("alice"))()], [O.none, O.none]);
  t.like(await limit(id("alice"))(), { _tag: "Some" });
  t.true(performance.now() - startedAt < 3 * 500);
  t.deepEqual(
    faults.map(({ cause }) => cause),
    ["no answer in 300 ms"],
  );
});

const ALWAYS = ["--appendonly", "yes", "--appendfsync", "always"];

for (const [what, options, risks] of [
  ["keeps nothing", [], ["appendonly is off: a restart of Redis loses everything"]],
  [
    "keeps snapshots alone",
    ["--save", "3600 1"],
    ["appendonly is off: a crash of Redis loses everything since its last snapshot"],
  ],
  [
    "flushes its file once a second",
    ["--appendonly", "yes"],
    ["appendfsync is everysec: a power failure loses the last second or more"],
  ],
  [
    "does not flush while it rewrites",
    [...ALWAYS, "--no-appendfsync-on-rewrite", "yes"],
    [
      "no-appendfsync-on-rewrite is yes: a power failure while Redis rewrites its file loses the last writes",
    ],
  ],
  [
    "drops what does not fit",
    [...ALWAYS, "--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru"],
    ["maxmemory-policy is allkeys-lru: Redis drops what does not fit"],
  ],
] as const) {
  test(`a Redis that ${what} is found out`, async (t) => {
    const found = await startRedisServer(...options);
    t.teardown(found.close);
    const store = await openRedisStore({ urls: [found.url] });
    t.teardown(store.close);
    t.deepEqual<ReadonlyArray<string>, ReadonlyArray<string>>(await succeed(store.risks), risks);
  });
}

test("a Redis that keeps everything carries no risk, until there are replicas or clocks differ", async (t) => {
  const safe = await startRedisServer(...ALWAYS);
  const risksWith = async (options: Partial<RedisStoreOptions>): Promise<ReadonlyArray<string>> => {
    const store = await openRedisStore({ urls: [safe.url], ...options });
    const risks = await succeed(store.risks);
    await store.close();
    return risks;
  };
  t.deepEqual(await risksWith({}), []);
  t.deepEqual(await risksWith({ minReplicas: 1 }), [
    "there are 0 replicas and REDIS_MIN_REPLICAS is 1: every set is refused",
  ]);
  for (const apart of [-1_500, 1_500]) {
    t.deepEqual(await risksWith({ now: () => Date.now() + apart }), [
      "this clock and that of Redis are more than 1 s apart: notices may come late, or twice",
    ]);
  }
  await safe.close();
});

test("a Redis that asks for a user and speaks TLS only serves who has both", async (t) => {
  const { dir, remove } = await makeTempDir();
  const { key, cert } = await makeCertificate();
  const [keyFile, certFile] = [join(dir, "key.pem"), join(dir, "cert.pem")];
  await Promise.all([writeFile(keyFile, key), writeFile(certFile, cert)]);
  const tlsPort = await freePort();
  const secure = await startRedisServer(
    ...["--tls-port", String(tlsPort), "--tls-cert-file", certFile, "--tls-key-file", keyFile],
    ...["--tls-ca-cert-file", certFile, "--tls-auth-clients", "no"],
    ...["--user", "misc", "on", ">p@ss:word", "~misc:*", "&*", "+@all", "--user", "default", "off"],
  );
  const at = (user: string): string => `rediss://${user}@127.0.0.1:${tlsPort}`;
  const readWith = async (url: string, ca?: string): Promise<string> => {
    const trust = ca === undefined ? {} : { ca };
    const store = await openRedisStore({ urls: [url], prefix: "misc:", ...trust });
    const answer = await store.settings.ready()();
    await store.close();
    return answer._tag;
  };
  t.is(await readWith(at("misc:p%40ss%3Aword"), cert), "Right");
  t.is(await readWith(at("misc:wrong"), cert), "Left");
  t.is(await readWith(at("misc:p%40ss%3Aword")), "Left");
  t.is(await readWith(secure.url, cert), "Left");
  await secure.close();
  await remove();
});
