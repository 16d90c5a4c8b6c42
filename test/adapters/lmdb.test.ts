import { readFile, stat, writeFile } from "node:fs/promises";
import { join as joinPath } from "node:path";
import * as O from "fp-ts/lib/Option.js";
import { open as openRaw } from "lmdb";
import { openLmdbStore } from "../../adapters/lmdb/mod.ts";
import { fail, id, succeed } from "../contract/expect.ts";
import { drain, noticeFrom, senders } from "../contract/fixtures.ts";
import { testCases } from "../support/contract.ts";
import { lmdbCases } from "../support/subjects/lmdb.ts";
import { makeTempDir } from "../support/temp-dir.ts";
import { test } from "../support/test.ts";

testCases(lmdbCases);

test("openLmdbStore() finds what was kept before, and makes its folder private", async (t) => {
  const { dir, remove } = await makeTempDir();
  const data = joinPath(dir, "new", "data");
  const first = await succeed(openLmdbStore({ dir: data }));
  await succeed(first.settings.setNoticeStatus("group:1", 1, noticeFrom("a")));
  await succeed(first.relationships.addFriends([[id("1"), id("2")]]));
  await first.close();
  t.is((await stat(data)).mode & 0o777, 0o700);

  const second = await succeed(openLmdbStore({ dir: data }));
  t.is(await succeed(second.settings.noticeStatus("group:1")), 1);
  t.true(await succeed(second.relationships.areFriends(id("2"), id("1"))));
  t.deepEqual(senders(await drain(second.outbox)), ["a"]);
  await second.close();
  await remove();
});

test("two open stores on one folder see each other's writes", async (t) => {
  const { dir, remove } = await makeTempDir();
  const [server, commandLine] = await Promise.all([
    succeed(openLmdbStore({ dir })),
    succeed(openLmdbStore({ dir })),
  ]);
  await succeed(commandLine.relationships.addMembers(id("7"), [id("1")]));
  t.true(await succeed(server.relationships.isMember(id("7"), id("1"))));
  await commandLine.close();
  await succeed(server.settings.setNoticeStatus("group:7", 1, noticeFrom("a")));
  t.is(await succeed(server.settings.noticeStatus("group:7")), 1);
  await server.close();
  await remove();
});

test("openLmdbStore() says which folder it cannot make", async (t) => {
  const { dir, remove } = await makeTempDir();
  const file = joinPath(dir, "file");
  await writeFile(file, "");
  const { _tag, cause } = await fail(openLmdbStore({ dir: joinPath(file, "data") }));
  t.is(_tag, "STORE_UNAVAILABLE");
  t.true(cause.includes(file));
  await remove();
});

test("openLmdbStore() refuses a file that is no store, and leaves it as it is", async (t) => {
  const { dir, remove } = await makeTempDir();
  const path = joinPath(dir, "store.mdb");
  await writeFile(path, "something else ".repeat(1_000));
  t.is((await fail(openLmdbStore({ dir })))._tag, "STORE_UNAVAILABLE");
  t.is(await readFile(path, "utf8"), "something else ".repeat(1_000));
  await remove();
});

test("a closed store answers STORE_UNAVAILABLE", async (t) => {
  const { dir, remove } = await makeTempDir();
  const store = await succeed(openLmdbStore({ dir }));
  await store.close();
  t.is((await fail(store.settings.noticeStatus("group:1")))._tag, "STORE_UNAVAILABLE");
  t.is((await fail(store.settings.ready()))._tag, "STORE_UNAVAILABLE");
  t.is((await fail(store.outbox.add("group:1", noticeFrom("a"))))._tag, "STORE_UNAVAILABLE");
  await remove();
});

for (const [table, key, value] of [
  ["statuses", "group:1", { v: 1, value: 7 }],
  ["statuses", "group:1", { v: 2, value: 1 }],
  ["statuses", "group:1", "something else"],
  ["queues", "group:1", { v: 1, value: null }],
] as const) {
  test(`a foreign value in ${table}, ${JSON.stringify(value)}, is an error and stays`, async (t) => {
    const { dir, remove } = await makeTempDir();
    await (await succeed(openLmdbStore({ dir }))).close();
    const raw = openRaw<unknown, string>({
      path: joinPath(dir, "store.mdb"),
      overlappingSync: false,
    });
    const foreign = raw.openDB<unknown, string>({ name: table, encoding: "json" });
    await foreign.put(key, value);
    await raw.close();

    const store = await succeed(openLmdbStore({ dir }));
    const { cause } =
      table === "statuses"
        ? await fail(store.settings.noticeStatus(key))
        : await fail(store.settings.setNoticeStatus(key, 1, noticeFrom("a")));
    t.true(cause.includes(table));
    t.deepEqual(await succeed(store.outbox.claim("GROUP", Date.now(), Date.now())), O.none);
    await store.close();
    await remove();
  });
}

test("a notice that cannot be read keeps no other conversation from its turn", async (t) => {
  const { dir, remove } = await makeTempDir();
  const first = await succeed(openLmdbStore({ dir, now: () => 0 }));
  await succeed(first.outbox.add("group:1", noticeFrom("a")));
  await first.close();
  const raw = openRaw<unknown, [string, number]>({
    path: joinPath(dir, "store.mdb"),
    overlappingSync: false,
  });
  const notices = raw.openDB<unknown, [string, number]>({ name: "notices", encoding: "json" });
  await notices.put(["group:1", 1], { v: 1, value: "something else" });
  await raw.close();

  const store = await succeed(openLmdbStore({ dir, now: () => 1 }));
  await succeed(store.outbox.add("group:2", noticeFrom("b")));
  const { cause } = await fail(store.outbox.claim("GROUP", 1, 1_000));
  t.true(cause.includes("notices"));
  t.like(await succeed(store.outbox.claim("GROUP", 1, 1_000)), {
    value: { conversation: "group:2" },
  });
  t.is((await fail(store.outbox.claim("GROUP", 1_000, 2_000)))._tag, "STORE_UNAVAILABLE");
  await store.close();
  await remove();
});
