import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { rm } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import * as E from "fp-ts/lib/Either.js";
import { type LmdbStore, openLmdbStore } from "../../adapters/lmdb/mod.ts";
import { meetingPlacesOf, tryToOwn } from "../../adapters/lmdb/ownership.ts";
import { fail, succeed } from "../contract/expect.ts";
import { drain, noticeFrom, senders } from "../contract/fixtures.ts";
import { makeTempDir } from "../support/temp-dir.ts";
import { type ExecutionContext, test } from "../support/test.ts";

const startOwner = async (t: ExecutionContext, dir: string): Promise<ChildProcess> => {
  const owner = spawn(process.execPath, ["dist/test/faults/own.js", dir], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  t.teardown(() => owner.kill("SIGKILL"));
  await once(owner.stdout, "data");
  return owner;
};

/** A call that was under way when the owner died is lost with it; the ones after it are not. */
const untilItWorks = async ({ settings }: LmdbStore): Promise<void> => {
  while (E.isLeft(await settings.noticeStatus("group:1")())) {
    await setImmediate();
  }
};

const tempDir = async (t: ExecutionContext): Promise<string> => {
  const { dir, remove } = await makeTempDir();
  t.teardown(remove);
  return dir;
};

test("a store that lost its owner to a kill goes on with the file, nothing lost", async (t) => {
  const dir = await tempDir(t);
  const owner = await startOwner(t, dir);
  const store = await succeed(openLmdbStore({ dir }));
  await succeed(store.settings.setNoticeStatus("group:1", 0, noticeFrom("joined")));
  owner.kill("SIGKILL");
  await once(owner, "close");
  await untilItWorks(store);
  t.is(await succeed(store.settings.noticeStatus("group:1")), 0);
  await succeed(store.settings.setNoticeStatus("group:1", 1, noticeFrom("heir")));
  t.deepEqual(senders(await drain(store.outbox)), ["owner", "joined", "heir"]);
  await store.close();
});

test("of several processes of one cluster, one alone owns a store", async (t) => {
  const dir = await tempDir(t);
  const program = spawn(process.execPath, ["dist/test/faults/own-together.js", dir, "4"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  t.teardown(() => program.kill("SIGKILL"));
  const [said] = await once(program.stdout, "data");
  const owned: ReadonlyArray<boolean> = JSON.parse(String(said));
  t.deepEqual(owned.toSorted(), [false, false, false, true]);
});

test("of several stores that lost their owner, one owns the file and all go on", async (t) => {
  const dir = await tempDir(t);
  const owner = await startOwner(t, dir);
  const stores = await Promise.all(
    Array.from({ length: 4 }, () => succeed(openLmdbStore({ dir }))),
  );
  owner.kill("SIGKILL");
  await once(owner, "close");
  await Promise.all(stores.map(untilItWorks));
  await Promise.all(
    stores.map((store, index) => succeed(store.outbox.add("group:1", noticeFrom(`s${index}`)))),
  );
  const [first] = stores;
  t.is(first === undefined ? 0 : (await drain(first.outbox)).length, 5);
  await Promise.all(stores.map(({ close }) => close()));
});

test("a store whose owner ends well goes on too, and so does its subscription", async (t) => {
  const dir = await tempDir(t);
  const owner = await succeed(openLmdbStore({ dir }));
  const heir = await succeed(openLmdbStore({ dir }));
  let heard = 0;
  await succeed(
    heir.outbox.subscribe(() => {
      heard += 1;
    }),
  );
  await succeed(heir.outbox.add("group:1", noticeFrom("a")));
  await owner.close();
  await succeed(heir.outbox.add("group:1", noticeFrom("b")));
  t.is(heard, 2);
  t.is((await fail(owner.settings.ready()))._tag, "STORE_UNAVAILABLE");
  await heir.close();
});

test("while its owner is stopped a store is unavailable, and it works again afterwards", async (t) => {
  const dir = await tempDir(t);
  const owner = await startOwner(t, dir);
  const store = await succeed(openLmdbStore({ dir, deadlineMs: 200 }));
  owner.kill("SIGSTOP");
  t.is((await fail(store.settings.noticeStatus("group:1")))._tag, "STORE_UNAVAILABLE");
  t.is((await fail(openLmdbStore({ dir, deadlineMs: 200 })))._tag, "STORE_UNAVAILABLE");
  owner.kill("SIGCONT");
  const patient = await succeed(openLmdbStore({ dir }));
  t.is(await succeed(patient.settings.noticeStatus("group:1")), 1);
  await patient.close();
  await store.close();
});

test("an owner that is asked nonsense hangs up and serves the others", async (t) => {
  const dir = await tempDir(t);
  const owner = await succeed(openLmdbStore({ dir }));
  for (const nonsense of ["hello\n", "{}\n", '{"id":"x"}\n', "\u0000\n"]) {
    const socket = connect(join(dir, "store.sock"));
    socket.on("error", () => {});
    socket.resume().write(nonsense);
    await once(socket, "close");
  }
  const socket = connect(join(dir, "store.sock")).setEncoding("utf8");
  socket.write(
    '{"id":1,"method":"constructor","args":[]}\n{"id":2,"method":"noticeStatus","args":[7]}\n',
  );
  let answers = "";
  while (!answers.includes('"id":2')) {
    const [chunk] = await once(socket, "data");
    answers += chunk;
  }
  t.regex(answers, /"id":1,"fault":\{"_tag":"STORE_UNAVAILABLE"/);
  t.regex(answers, /"id":2,"fault":\{"_tag":"STORE_UNAVAILABLE"/);
  socket.destroy();
  const joined = await succeed(openLmdbStore({ dir }));
  t.is(await succeed(joined.settings.noticeStatus("group:1")), 0);
  await joined.close();
  await owner.close();
});

test("a folder whose path is too long for a socket is refused by name", async (t) => {
  const dir = join(await tempDir(t), "x".repeat(100));
  const { cause } = await fail(openLmdbStore({ dir }));
  t.regex(cause, /store\.sock has more than 103 bytes$/);
});

test("an owner that ends answers what it has read, and the next one the rest", async (t) => {
  const dir = await tempDir(t);
  const owner = await succeed(openLmdbStore({ dir }));
  const joined = await succeed(openLmdbStore({ dir }));
  const sets = Array.from({ length: 20 }, (_, index) =>
    joined.settings.setNoticeStatus("group:1", 1, noticeFrom(`n${index}`))(),
  );
  await setImmediate();
  await owner.close();
  t.true((await Promise.all(sets)).every(E.isRight));
  t.is((await drain(joined.outbox)).length, sets.length);
  await joined.close();
});

test("an owner ends although a sibling is stopped", async (t) => {
  const dir = await tempDir(t);
  const owner = await succeed(openLmdbStore({ dir }));
  const sibling = await startOwner(t, dir);
  sibling.kill("SIGSTOP");
  await owner.close();
  t.is((await fail(owner.settings.ready()))._tag, "STORE_UNAVAILABLE");
});

test("a store whose folder is gone is unavailable, and nothing is thrown", async (t) => {
  const dir = join(await tempDir(t), "data");
  const owner = await startOwner(t, dir);
  const store = await succeed(openLmdbStore({ dir }));
  await rm(dir, { recursive: true });
  owner.kill("SIGKILL");
  await once(owner, "close");
  for (let call = 0; call < 3; call += 1) {
    t.is((await fail(store.settings.noticeStatus("group:1")))._tag, "STORE_UNAVAILABLE");
  }
  await store.close();
});

test("a store whose owner hangs up while it joins tries again until its time is over", async (t) => {
  const dir = await tempDir(t);
  // Somebody who answers at the owner's door, and is gone at the first word.
  const places = await meetingPlacesOf(dir);
  const release = await tryToOwn(places);
  const door = createServer((socket) => {
    socket.once("data", () => socket.destroy());
  }).listen(places.channel);
  await once(door, "listening");
  t.is((await fail(openLmdbStore({ dir, deadlineMs: 300 })))._tag, "STORE_UNAVAILABLE");
  door.close();
  await release?.();
  const store = await succeed(openLmdbStore({ dir }));
  t.is(await succeed(store.settings.noticeStatus("group:1")), 0);
  await store.close();
});

test("stores that open while owners end find one that does not", async (t) => {
  const dir = await tempDir(t);
  for (let round = 0; round < 40; round += 1) {
    const owner = await succeed(openLmdbStore({ dir }));
    const opening = Array.from({ length: 3 }, () => openLmdbStore({ dir })());
    const [, ...opened] = await Promise.all([owner.close(), ...opening]);
    t.true(opened.every(E.isRight));
    await Promise.all(opened.map((one) => (E.isRight(one) ? one.right.close() : undefined)));
  }
});
