/** How Redis is reached, and what a fault says where it is not. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Redis } from "ioredis";
import {
  openRedisStore,
  type RedisStore,
  type RedisStoreOptions,
} from "../../adapters/redis/mod.ts";
import { fail, succeed } from "../contract/expect.ts";
import { noticeFrom } from "../contract/fixtures.ts";
import { makeCertificate } from "../support/certificate.ts";
import { startRedisCluster } from "../support/redis-cluster.ts";
import { startRedisSentinel } from "../support/redis-sentinel.ts";
import { freePort, startRedisServer } from "../support/redis-server.ts";
import { makeTempDir } from "../support/temp-dir.ts";
import { type ExecutionContext, test } from "../support/test.ts";
import { until } from "../support/until.ts";

const G = "group:7";

const open = async (t: ExecutionContext, options: RedisStoreOptions): Promise<RedisStore> => {
  const store = await openRedisStore({ commandMs: 500, ...options });
  t.teardown(store.close);
  return store;
};

/** Waits for a fault that says this: before a connection was tried there is nothing to say. */
const failsWith = async ({ settings }: RedisStore, cause: RegExp): Promise<void> => {
  const causes = new Set<string>();
  await until(`a fault that says ${cause}`, async () => {
    const answer = await fail(settings.noticeStatus(G));
    causes.add(answer.cause);
    return cause.test(answer.cause);
  }).catch(() => {
    throw new Error(`no fault says ${cause}, but ${[...causes].join(" | ")}`);
  });
};

test("a database of a number is used, and one that the server does not have is no other", async (t) => {
  const server = await startRedisServer();
  t.teardown(server.close);
  const admin = new Redis(server.url);
  t.teardown(() => admin.disconnect());

  const third = await open(t, { urls: [`${server.url}/3`] });
  await succeed(third.settings.setNoticeStatus(G, 1, noticeFrom("alice")));
  await admin.select(3);
  t.not(await admin.dbsize(), 0);
  await admin.select(0);
  t.is(await admin.dbsize(), 0);

  for (const minReplicas of [0, 1]) {
    const store = await open(t, { urls: [`${server.url}/99`], minReplicas });
    await failsWith(store, /^not connected: ERR DB index is out of range$/);
    for (const status of [0, 1, 0] as const) {
      const setting = store.settings.setNoticeStatus(G, status, noticeFrom("alice"));
      await Promise.all(Array.from({ length: 50 }, () => fail(setting)));
    }
    t.is(await admin.dbsize(), 0);
  }
});

test("a fault says why Redis is not connected, and no password", async (t) => {
  const server = await startRedisServer("--requirepass", "right");
  t.teardown(server.close);
  const at = (user: string, port = server.port): string => `redis://${user}127.0.0.1:${port}`;
  const nowhere = at("", await freePort());
  for (const [urls, cause] of [
    [[nowhere], /^not connected: connect ECONNREFUSED 127\.0\.0\.1:\d+$/],
    [[nowhere, nowhere], /^not connected: connect ECONNREFUSED 127\.0\.0\.1:\d+$/],
    [[at("")], /^not connected: NOAUTH /],
    [[at(":wrong@")], /^not connected: WRONGPASS (?!.*wrong@)/],
    [[at(":wrong@"), at(":wrong@")], /^not connected: WRONGPASS (?!.*wrong@)/],
    [[at(":right@").replace("redis:", "rediss:")], /^not connected: connect ETIMEDOUT$/],
    [["redis://nowhere.invalid"], /^not connected: getaddrinfo /],
  ] as const) {
    await failsWith(await open(t, { urls }), cause);
  }
  await succeed((await open(t, { urls: [at(":right@")] })).settings.ready());
  t.pass();
});

test("a Cluster that speaks TLS is reached where its certificates are by host name", async (t) => {
  const { dir, remove } = await makeTempDir();
  t.teardown(remove);
  const { key, cert } = await makeCertificate({ host: "localhost" });
  const [keyFile, certFile] = [join(dir, "key.pem"), join(dir, "cert.pem")];
  await Promise.all([writeFile(keyFile, key), writeFile(certFile, cert)]);
  const { urls, close } = await startRedisCluster({
    replicated: false,
    tls: { host: "localhost", certFile, keyFile },
  });
  t.teardown(close);
  const { settings } = await open(t, { urls, ca: cert });
  await succeed(settings.ready());
  await succeed(settings.setNoticeStatus(G, 1, noticeFrom("alice")));

  await failsWith(await open(t, { urls }), /^not connected: self-signed certificate/);
  await failsWith(
    await open(t, { urls: urls.map((url) => url.replace("localhost", "127.0.0.1")), ca: cert }),
    /^not connected: Hostname\/IP does not match certificate's altnames/,
  );
  t.pass();
});

test("Sentinels may have a password of their own, and a fault says why they do not help", async (t) => {
  const { urls, name, close } = await startRedisSentinel({
    primary: "of-the-primary",
    sentinels: "of-the-sentinels",
  });
  t.teardown(close);
  const openWith = (primary: string, sentinelPassword: string | undefined, sentinel = name) =>
    open(t, {
      urls: urls.map((url) => url.replace("redis://", `redis://:${primary}@`)),
      sentinel,
      ...(sentinelPassword === undefined ? {} : { sentinelPassword }),
    });
  const right = await openWith("of-the-primary", "of-the-sentinels");
  await succeed(right.settings.ready());

  await failsWith(
    await openWith("of-the-primary", "of-the-sentinels", "nobody"),
    /^not connected: failed to connect to sentinel \S+ because ERR No such master with that name$/,
  );
  await failsWith(
    await openWith("of-the-primary", undefined),
    /^not connected: failed to connect to sentinel \S+ because NOAUTH /,
  );
  await failsWith(
    await openWith("of-the-primary", "of-the-primary"),
    /^not connected: failed to connect to sentinel \S+ because WRONGPASS (?!.*of-the)/,
  );
  await failsWith(
    await openWith("of-the-sentinels", "of-the-sentinels"),
    /^not connected: WRONGPASS (?!.*of-the)/,
  );
  t.pass();
});
