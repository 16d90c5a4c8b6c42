import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as E from "fp-ts/lib/Either.js";
import type { Container } from "inversify";
import { onRelayFault } from "../../adapters/inversify/events.ts";
import { closeContainer, makeContainer, resolve, tokens } from "../../adapters/inversify/mod.ts";
import { makeLogger } from "../../adapters/logging/mod.ts";
import { storeUnavailable } from "../../core/mod.ts";
import { fail, id, succeed } from "../contract/expect.ts";
import { makeTempDir } from "../support/temp-dir.ts";
import { test } from "../support/test.ts";

const containerFor = (env: Readonly<Record<string, string>>): Container => {
  const made = makeContainer({ LOG_LEVEL: "silent", PORT: "0", ...env }, { serving: true });
  if (E.isLeft(made)) {
    throw new Error(JSON.stringify(made.left));
  }
  return made.right;
};

for (const STORE of ["sqlite", "memory"]) {
  for (const gateway of ["log", "rongcloud"] as const) {
    test(`every token yields its value once, on ${STORE} and ${gateway}`, async (t) => {
      const { dir, remove } = await makeTempDir();
      const container = containerFor({
        DATA_DIR: dir,
        STORE,
        MESSAGE_GATEWAY: gateway,
        RONGCLOUD_APP_KEY: "key",
        RONGCLOUD_APP_SECRET: "secret",
        N3D_KEY: "11EdDIaqpcim",
      });
      const all = Object.values(tokens);
      const first = await Promise.all(all.map((token) => container.getAsync<unknown>(token)));
      const second = await Promise.all(all.map((token) => container.getAsync<unknown>(token)));
      t.true(first.every((value) => value !== undefined));
      t.true(first.every((value, index) => value === second[index]));
      await closeContainer(container);
      await remove();
    });
  }
}

test("closeContainer() closes what was opened, and opens nothing", async (t) => {
  const { dir, remove } = await makeTempDir();
  const container = containerFor({ DATA_DIR: dir });
  const { settings } = await resolve(container, tokens.STORE);
  t.is(await succeed(settings.noticeStatus("group:1")), 0);
  await closeContainer(container);
  t.is((await fail(settings.noticeStatus("group:1")))._tag, "STORE_UNAVAILABLE");
  await remove();
});

test("relationships come from MYSQL_URL if it is set, and readiness with them", async (t) => {
  const { dir, remove } = await makeTempDir();
  const container = containerFor({
    DATA_DIR: dir,
    MYSQL_URL: "mysql://misc:hush@127.0.0.1:1/sealtalk",
    RELATIONSHIP_CACHE_SECONDS: "5",
  });
  const { areFriends } = await resolve(container, tokens.RELATIONSHIPS);
  t.regex((await fail(areFriends(id("1"), id("2")))).cause, /^mysql: connect ECONNREFUSED/);
  const { readiness } = await resolve(container, tokens.MISC);
  t.like(await readiness()(), [{ part: "store", error: { _tag: "STORE_UNAVAILABLE" } }]);
  await closeContainer(container);
  await remove();
});

test("makeContainer() reports every fault of the environment", (t) => {
  const made = makeContainer({ PORT: "x", N3D_KEY: "key" }, { serving: true });
  t.true(E.isLeft(made));
  t.deepEqual(E.isLeft(made) ? made.left.map(({ variable }) => variable) : [], ["PORT", "N3D_KEY"]);
});

test("what cannot be opened says so in one line", async (t) => {
  const { dir, remove } = await makeTempDir();
  await writeFile(join(dir, "keys.json"), '{"keys":7}');
  await writeFile(join(dir, "session-secret"), "short");
  for (const [env, token, message] of [
    [{ RELEASES_DIR: join(dir, "none") }, tokens.SERVER, /^releases: .*desktop\.json/],
    [
      { DATA_DIR: join(dir, "keys.json") },
      tokens.STORE,
      /^store: Cannot use .*\/keys\.json\/store\.db: EEXIST: file already exists, mkdir '.*'\.$/,
    ],
    [{ DATA_DIR: dir }, tokens.SESSIONS, /^SESSION_SECRET: the secret .* fewer than 32 bytes$/],
    [
      { SESSION_SECRET: "s".repeat(32), SESSION_JWKS: join(dir, "keys.json") },
      tokens.SESSIONS,
      /^SESSION_JWKS: the key set .* keys: expected JSON Web Keys$/,
    ],
    [
      {
        DATA_DIR: dir,
        MYSQL_URL: `mysql://misc@db.example/sealtalk?ssl-mode=VERIFY_CA&ssl-ca=${dir}/keys.json`,
      },
      tokens.MYSQL,
      /^MYSQL_URL: expected ssl-ca to name a file of certificates, as PEM$/,
    ],
  ] as const) {
    const container = containerFor({ STORE: "sqlite", ...env });
    await t.throwsAsync(container.getAsync<unknown>(token), { message });
    await closeContainer(container);
  }
  await remove();
});

test("the generated secret is the same for all who ask at once, and its owner's alone", async (t) => {
  const { dir, remove } = await makeTempDir();
  const containers = Array.from({ length: 5 }, () => containerFor({ DATA_DIR: dir }));
  const options = await Promise.all(
    containers.map((container) => resolve(container, tokens.TOKEN_OPTIONS)),
  );
  const secrets = new Set(options.map(({ secret }) => Buffer.from(secret ?? []).toString()));
  t.is(secrets.size, 1);
  await remove();
});

test("a store that stays away is told of once in ten seconds, and at once why else it is", (t) => {
  let [now, told] = [0, ""];
  const log = makeLogger("error", {
    write: (line) => {
      told += JSON.parse(line).cause;
    },
  });
  const tell = onRelayFault(log, () => now);
  for (const [at, cause] of [
    [0, "a"],
    [0, "a"],
    [9_999, "a"],
    [10_000, "a"],
    [10_001, "b"],
    [10_002, "b"],
    [10_003, "a"],
  ] as const) {
    now = at;
    tell(storeUnavailable(cause));
  }
  t.is(told, "aaba");
});
