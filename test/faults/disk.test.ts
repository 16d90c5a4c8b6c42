/** Faults of the disk under the embedded store, by the kernel's own means. */
import { readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { id } from "../contract/expect.ts";
import { startSubject } from "../support/acknowledged.ts";
import { postJson } from "../support/deployment.ts";
import {
  coverReadOnly,
  FLUSH,
  limitFileSize,
  MOUNT,
  makeSmallDisk,
  PRLIMIT,
  remount,
  STRACE,
  testWith,
  trace,
} from "../support/disk-faults.ts";
import { complaintsOf, runProgram, startServer } from "../support/program.ts";
import { integrityOf, runSqlToEnd } from "../support/sql-process.ts";
import { makeTempDir } from "../support/temp-dir.ts";
import { test } from "../support/test.ts";

const SESSION_SECRET = "a secret of more than thirty-two bytes";
const MIB = 48;
const MAX_SETS = 500;

// Some 1,500 pages of the log; a checkpoint begins at 1,000.
const LARGE_CHANGE = `
  WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 200000)
  INSERT INTO friends SELECT 'user-' || n, 'friend-' || n FROM numbers`;

testWith(MOUNT)("a server on a full disk refuses sets, reads on, and recovers", async (t) => {
  const disk = await makeSmallDisk(t, MIB);
  const { refuses, recovers } = await startSubject(t, disk);
  await disk.fill();
  await refuses(/disk is full.*Free some space/);
  await disk.clear();
  await recovers();
});

testWith(MOUNT)("a server starts on a full disk with the store that it has", async (t) => {
  const disk = await makeSmallDisk(t, MIB);
  const variables = { DATA_DIR: disk.dir, SESSION_SECRET };
  t.is((await runProgram(["friends", "add", "alice", "bob"], variables)).code, 0);
  await disk.fill();
  const server = await startServer(variables);
  t.teardown(async () => {
    await server.end("SIGKILL");
  });
  // SQLite needs room for the index of its log, also to read.
  t.regex((await runProgram(["friends", "list", "alice"], variables)).stderr, /disk is full/);
  t.like(await (await fetch(`${server.url}/readyz`)).json(), { code: 503, unready: ["store"] });
  t.is((await fetch(`${server.url}/misc/mobile_version`)).status, 200);
  await disk.clear();
  t.is((await fetch(`${server.url}/readyz`)).status, 200);
  t.is((await runProgram(["friends", "list", "alice"], variables)).stdout, "bob\n");
  t.is(await server.end("SIGTERM"), 0);
  t.is(await integrityOf(join(disk.dir, "store.db")), "ok");
});

testWith(MOUNT)("a command makes no store on a full disk, and makes one with room", async (t) => {
  const disk = await makeSmallDisk(t, MIB);
  const variables = { DATA_DIR: disk.dir, SESSION_SECRET };
  await disk.fill();
  for (const args of [["friends", "add", "alice", "bob"], ["serve"]]) {
    const ended = await runProgram(args, variables);
    t.is(ended.code, 1);
    t.regex(
      complaintsOf(ended, disk.dir),
      /^.*Cannot write \S+store\.db: the disk is full .*Free some space.*\n$/,
    );
  }
  await disk.clear();
  t.is((await runProgram(["friends", "add", "alice", "bob"], variables)).code, 0);
  t.is(await integrityOf(join(disk.dir, "store.db")), "ok");
});

const READ_ONLY = /^.*store\.db: the file, its folder or its disk is read-only .*writable.*\n$/;
const FAILED = /the disk failed .*Check the disk/;

for (const [fault, injection, reason] of [
  ["a flush of the log fails", `${FLUSH}:error=EIO`, FAILED],
  ["no page can be written to the log", "pwrite64:error=EIO", FAILED],
  ["the log is read-only", "pwrite64:error=EROFS", FAILED],
  ["the log finds no room", "pwrite64:error=ENOSPC", /disk is full/],
] as const) {
  testWith(STRACE)(`a server refuses sets while ${fault}, reads on, and recovers`, async (t) => {
    const place = await makeTempDir();
    const { server, path, refuses, recovers } = await startSubject(t, place);
    const { detach } = await trace(
      server.child,
      ...["-P", `${path}-wal`, "-e", `inject=${injection}`],
    );
    await refuses(reason);
    t.true((await detach()).some((line) => line.includes("(INJECTED)")));
    await recovers();
  });
}

for (const [fault, injection] of [
  ["fails", `pwrite64,${FLUSH}:error=EIO`],
  ["finds no room", "pwrite64:error=ENOSPC"],
] as const) {
  testWith(STRACE)(`a server acknowledges sets while a checkpoint ${fault}`, async (t) => {
    const place = await makeTempDir();
    const { server, path, set, answersReads, recovers } = await startSubject(t, place);
    // The next commit of the server begins the checkpoint that this process leaves out.
    await runSqlToEnd(t, path, "PRAGMA wal_autocheckpoint = 0", LARGE_CHANGE);
    const { size } = await stat(path);
    const { detach } = await trace(server.child, "-P", path, "-e", `inject=${injection}`);
    t.is((await set()).status, 200);
    t.is((await set()).status, 200);
    await answersReads();
    t.true((await detach()).some((line) => line.includes("(INJECTED)")));
    t.is((await stat(path)).size, size);
    t.is((await set()).status, 200);
    t.true((await stat(path)).size > size);
    await recovers();
  });
}

testWith(PRLIMIT)("a server whose log may not grow refuses sets, and lives", async (t) => {
  const place = await makeTempDir();
  const { server, path, set, refuses, recovers } = await startSubject(t, place);
  const { size } = await stat(`${path}-wal`);
  limitFileSize(server.child, size);
  let sets = 0;
  while ((await set()).status === 200) {
    sets += 1;
    t.true(sets < MAX_SETS);
  }
  await refuses(FAILED, { ready: true });
  limitFileSize(server.child, "unlimited");
  await recovers();
});

testWith(MOUNT)("a server goes on while its folder is read-only", async (t) => {
  const disk = await makeSmallDisk(t, MIB);
  const { deployment, set, answersReads, recovers } = await startSubject(t, disk);
  const uncover = coverReadOnly(t, disk.dir);
  // Its files were open before: the kernel goes on to write them.
  t.is((await set()).status, 200);
  await answersReads();
  const ended = await deployment.run("friends", "add", "alice", "carol");
  t.is(ended.code, 1);
  t.regex(complaintsOf(ended, disk.dir), READ_ONLY);
  uncover();
  await recovers();
});

testWith(MOUNT)("a server does not start on a read-only disk, and says why", async (t) => {
  const { dir } = await makeSmallDisk(t, MIB);
  const variables = { DATA_DIR: dir, SESSION_SECRET };
  t.is((await runProgram(["friends", "add", "alice", "bob"], variables)).code, 0);
  remount(dir, "ro");
  for (const args of [["friends", "list", "alice"], ["serve"]]) {
    const ended = await runProgram(args, variables);
    t.is(ended.code, 1);
    t.regex(complaintsOf(ended, dir), READ_ONLY);
  }
  remount(dir, "rw");
  t.is((await runProgram(["friends", "list", "alice"], variables)).stdout, "bob\n");
  t.is(await integrityOf(join(dir, "store.db")), "ok");
});

testWith(STRACE)("a server answers a set after the flush of what it wrote", async (t) => {
  const { server, set } = await startSubject(t, await makeTempDir());
  const { detach } = await trace(
    server.child,
    ...["-e", `trace=${FLUSH},pwrite64,write,writev`],
    ...["-e", `inject=${FLUSH}:delay_enter=200000`],
  );
  t.is((await set()).status, 200);
  const events = await detach();
  const written = events.findLastIndex((event) => /\bpwrite64\(.*store\.db-wal/.test(event));
  const flushed = events.findIndex((event) => /\bf(data)?sync\b.* = 0 \(DELAYED\)/.test(event));
  const answered = events.findIndex((event) => event.includes("HTTP/1.1 200"));
  t.true(0 <= written && written < flushed && flushed < answered);
});

/** What a fault leaves of a store's file. */
type Fault = (whole: Buffer) => Buffer;

const cutTo =
  (end: number): Fault =>
  (whole) =>
    whole.subarray(0, end);

const CUT: ReadonlyArray<readonly [string, Fault]> = [
  ["was cut after its first page", cutTo(4_096)],
  ["lost its last page", cutTo(-4_096)],
  ["lost a part of its last page", cutTo(-100)],
  ["was cut in its header", cutTo(50)],
  ["has a damaged header", (whole) => Buffer.from(whole).fill(0x55, 0, 100)],
];

for (const [what, fault] of CUT) {
  test(`a command and a server refuse a store that ${what}`, async (t) => {
    const { dir, remove } = await makeTempDir();
    t.teardown(remove);
    const variables = { DATA_DIR: dir, SESSION_SECRET };
    const path = join(dir, "store.db");
    t.is((await runProgram(["friends", "add", "alice", "bob"], variables)).code, 0);
    const whole = await readFile(path);
    const damaged = fault(whole);
    await writeFile(path, damaged);
    for (const args of [["friends", "list", "alice"], ["serve"]]) {
      const ended = await runProgram(args, variables);
      t.is(ended.code, 1);
      t.regex(
        complaintsOf(ended, dir),
        /^store: \S+store\.db is damaged.* sealtalk-misc restore FILE\.\n$/,
      );
    }
    t.deepEqual(await readFile(path), damaged);
    await writeFile(path, whole);
    t.is((await runProgram(["friends", "list", "alice"], variables)).stdout, "bob\n");
  });
}

test("a server answers 503 for what it cannot read or write in a damaged store", async (t) => {
  const place = await makeTempDir();
  const { deployment, path, server: first } = await startSubject(t, place);
  const { relate, rongCloud, start, tokenFor } = deployment;
  const friends = Array.from({ length: 5_000 }, (_, index) => id(`friend-${index}`));
  await relate(({ addFriends }) => addFriends(friends.map((friend) => [id("alice"), friend])));
  t.is(await first.end("SIGTERM"), 0);
  const pages = await readFile(path);
  // The tables' roots are in the first pages; behind them, every second page is damaged.
  for (let at = DAMAGED_FROM; at < pages.length; at += 2 * PAGE_BYTES) {
    pages.fill(0xaa, at, at + PAGE_BYTES);
  }
  await writeFile(path, pages);
  rongCloud.behave("take");
  const server = await start();
  const alice = await tokenFor("alice");
  const statuses = new Set<number>();
  for (const friend of friends.filter((_, index) => index % 100 === 0)) {
    const target = { conversationType: 1, targetId: friend };
    for (const [route, body] of [
      ["get_screen_capture", target],
      ["set_screen_capture", { ...target, noticeStatus: 1 }],
    ] as const) {
      const { status } = await postJson(server, `/misc/${route}`, alice, body);
      statuses.add(status);
    }
  }
  t.deepEqual([...statuses].sort(), [200, 503]);
  const { error } = await server.line(({ msg }) => msg === "request failed");
  t.regex(JSON.stringify(error), /store\.db is damaged.*sealtalk-misc restore FILE/);
  t.is((await fetch(`${server.url}/misc/mobile_version`)).status, 200);
  t.is(await server.end("SIGTERM"), 0);
});

const PAGE_BYTES = 4_096;
const DAMAGED_FROM = 20 * PAGE_BYTES;
