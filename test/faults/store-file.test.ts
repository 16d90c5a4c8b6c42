/** The file of the embedded store under a running server: moved, replaced, foreign, of another version. */
import { existsSync } from "node:fs";
import { link, mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { loadDriver } from "../../adapters/sqlite/driver.ts";
import { openSqliteStore } from "../../adapters/sqlite/mod.ts";
import { id, succeed } from "../contract/expect.ts";
import { startSubject } from "../support/acknowledged.ts";
import { makeDeployment, postJson } from "../support/deployment.ts";
import { testWith } from "../support/disk-faults.ts";
import { complaintsOf, runProgram, type ServerProcess } from "../support/program.ts";
import { integrityOf, runSql, runSqlToEnd } from "../support/sql-process.ts";
import { makeTempDir } from "../support/temp-dir.ts";
import { type ExecutionContext, test } from "../support/test.ts";

const SESSION_SECRET = "a secret of more than thirty-two bytes";

const makeDir = async (t: ExecutionContext): Promise<string> => {
  const { dir, remove } = await makeTempDir();
  t.teardown(remove);
  return dir;
};

const LOCKS = "/proc/locks";

const pathIn = (dir: string): string => join(dir, "store.db");

/** Returns the locks on a file, as Linux lists them. */
const locksOn = async (path: string): Promise<ReadonlyArray<string>> => {
  const { ino } = await stat(path);
  const lines = (await readFile(LOCKS, "utf8")).split("\n");
  return lines.filter((line) => line.includes(`:${ino} `));
};

testWith({ here: existsSync(LOCKS), without: "the system does not list locks" })(
  "a store keeps its locks when the process opens its file again",
  async (t) => {
    const dir = await makeDir(t);
    const first = await succeed(openSqliteStore({ dir }));
    t.true((await locksOn(pathIn(dir))).length > 0);
    const second = await succeed(openSqliteStore({ dir }));
    t.true((await locksOn(pathIn(dir))).length > 0);
    await Promise.all([first.close(), second.close()]);
  },
);

test("a store opens while a part of its pages is only in the log", async (t) => {
  const dir = await makeDir(t);
  const path = pathIn(dir);
  const store = await succeed(openSqliteStore({ dir }));
  const friends = (from: number) =>
    `WITH RECURSIVE n(i) AS (SELECT ${from} UNION ALL SELECT i + 1 FROM n WHERE i < ${from + 5_000})
     INSERT INTO friends SELECT 'user-' || i, 'friend' FROM n`;
  await runSqlToEnd(t, path, friends(0));
  const reader = await runSql(t, path, "BEGIN", "SELECT count(*) FROM friends");
  // A checkpoint writes no page that changed since the reader began; the size in the header did not.
  await runSqlToEnd(
    t,
    path,
    "UPDATE friends SET friend = 'changed'",
    "PRAGMA wal_checkpoint(PASSIVE)",
  );
  const { size } = await stat(path);
  const pages = await succeed(openSqliteStore({ dir }));
  t.true(size < 100_000, `${size}`);
  await pages.close();
  await reader.end();
  await store.close();
  t.is(await integrityOf(path), "ok");
});

test("a store that is closed needs no log", async (t) => {
  const dir = await makeDir(t);
  const store = await succeed(openSqliteStore({ dir }));
  await succeed(store.relationships.addFriends([[id("alice"), id("bob")]]));
  await store.close();
  const { size } = await stat(`${pathIn(dir)}-wal`);
  t.is(size, 0);
});

const USERS = Array.from({ length: 12 }, (_, index) => `user-${index}`);

/** Makes a store in a folder, in which the users are in group g. */
const makeStore = async (dir: string): Promise<void> => {
  const store = await succeed(openSqliteStore({ dir }));
  await succeed(store.relationships.addMembers(id("g"), USERS.map(id)));
  await store.close();
};

/** Returns the senders of the notices that wait in a file, in the order of the queue. */
const sendersIn = async (path: string): Promise<ReadonlyArray<string>> => {
  const connection = (await loadDriver())(path);
  const rows = connection.prepare("SELECT notice FROM notices ORDER BY position").all();
  connection.close();
  return rows.map(({ notice }) => JSON.parse(String(notice)).senderId);
};

/** Servers on a store, and what they acknowledged. */
interface Machine {
  readonly dir: string;
  readonly path: string;
  readonly servers: ReadonlyArray<ServerProcess>;
  /** Has a server store the next user's notice; the senders of acknowledged ones are remembered. */
  readonly capture: (server: ServerProcess) => Promise<number>;
  readonly acknowledged: ReadonlyArray<string>;
}

const startMachine = async (t: ExecutionContext, count: number): Promise<Machine> => {
  const dir = await makeDir(t);
  await makeStore(dir);
  const { rongCloud, start, tokenFor, close } = await makeDeployment({
    dir,
    remove: async () => {},
  });
  t.teardown(close);
  rongCloud.behave({ status: 429, code: 1008, retryAfter: 600 });
  const servers: ServerProcess[] = [];
  while (servers.length < count) {
    servers.push(await start());
  }
  const acknowledged: string[] = [];
  const users = USERS.values();
  const target = { conversationType: 3, targetId: "g" };
  return {
    dir,
    path: pathIn(dir),
    servers,
    acknowledged,
    capture: async (server) => {
      const { value: user = "" } = users.next();
      const { status } = await postJson(server, "/misc/send_sc_msg", await tokenFor(user), target);
      if (status === 200) {
        acknowledged.push(user);
      }
      return status;
    },
  };
};

test("a server refuses sets and reads while its file is away, and goes on when it is back", async (t) => {
  const { path, refuses, deployment, set, recovers } = await startSubject(t);
  await rename(path, `${path}.away`);
  await refuses(/store\.db was deleted while it was in use. Put it back/, { reads: false });
  t.is(await integrityOf(`${path}.away`), "ok");
  await rename(`${path}.away`, path);
  t.is((await set()).status, 200);
  // Another process sees what the server writes, and the server what that writes.
  const variables = { DATA_DIR: deployment.dir };
  t.is((await runProgram(["friends", "add", "alice", "carol"], variables)).code, 0);
  await recovers();
});

test("a server whose file is deleted lives, and a restart begins with an empty store", async (t) => {
  const { path, server, refuses, deployment } = await startSubject(t);
  await rm(path);
  await refuses(/store\.db was deleted while it was in use/, { reads: false });
  t.is(await server.end("SIGTERM"), 0);
  const heir = await deployment.start();
  t.is((await fetch(`${heir.url}/readyz`)).status, 200);
  t.is(await heir.end("SIGTERM"), 0);
  t.is(await integrityOf(path), "ok");
  t.deepEqual(await sendersIn(path), []);
});

for (const [who, count] of [
  ["a server goes on", 1],
  ["two servers go on", 2],
] as const) {
  test(`${who} with another store that is put in the place of its file`, async (t) => {
    const { dir, path, servers, capture, acknowledged } = await startMachine(t, count);
    const other = join(dir, "other");
    await mkdir(other);
    await makeStore(other);
    for (const server of servers) {
      t.is(await capture(server), 200);
      t.is(await capture(server), 200);
    }
    const before = [...acknowledged];
    await link(path, join(dir, "old.db"));
    await rename(pathIn(other), path);
    for (const server of servers) {
      t.is(await capture(server), 200);
    }
    for (const server of servers) {
      t.is(await capture(server), 200);
    }
    t.is(acknowledged.length, 4 * count);
    t.is((await runProgram(["friends", "add", "alice", "carol"], { DATA_DIR: dir })).code, 0);
    // What is in the log of a killed server is still there for the next process.
    for (const { end } of servers) {
      t.is(await end("SIGKILL"), "SIGKILL");
    }
    t.deepEqual(await sendersIn(path), acknowledged.slice(before.length));
    t.is(await integrityOf(path), "ok");
    t.deepEqual(await sendersIn(join(dir, "old.db")), before);
    t.is(await integrityOf(join(dir, "old.db")), "ok");
  });
}

test("a server writes no replaced file's log into the new one while a reader holds it", async (t) => {
  const { dir, path, servers, capture, acknowledged } = await startMachine(t, 1);
  const [server] = servers;
  if (server === undefined) {
    return t.fail();
  }
  const other = join(dir, "other");
  await mkdir(other);
  await makeStore(other);
  const reader = await runSql(t, path, "BEGIN", "SELECT count(*) FROM notices");
  t.is(await capture(server), 200);
  await link(path, join(dir, "old.db"));
  await rename(pathIn(other), path);
  t.is(await capture(server), 503);
  const { error } = await server.line(({ msg }) => msg === "request failed");
  t.regex(JSON.stringify(error), /store\.db was replaced while another process works on the file/);
  await reader.end();
  t.is(await capture(server), 200);
  t.is(await server.end("SIGTERM"), 0);
  t.deepEqual(await sendersIn(join(dir, "old.db")), acknowledged.slice(0, 1));
  t.deepEqual(await sendersIn(path), acknowledged.slice(1));
  t.is(await integrityOf(path), "ok");
  t.is(await integrityOf(join(dir, "old.db")), "ok");
});

const NEWER = /store\.db was written by a newer version of sealtalk-misc \(schema 99; .*Use that/;

test("a server and a command refuse a store of a newer version", async (t) => {
  const dir = await makeDir(t);
  await makeStore(dir);
  await runSqlToEnd(t, pathIn(dir), "PRAGMA user_version = 99");
  for (const args of [["serve"], ["friends", "add", "alice", "bob"]]) {
    const ended = await runProgram(args, { DATA_DIR: dir, SESSION_SECRET });
    t.is(ended.code, 1);
    t.regex(complaintsOf(ended, dir), NEWER);
    t.is(complaintsOf(ended, dir).split("\n").length, 2);
  }
});

test("a server refuses changes while another process has a newer version in its store", async (t) => {
  const { path, refuses, recovers } = await startSubject(t);
  await runSqlToEnd(t, path, "PRAGMA user_version = 99");
  await refuses(NEWER);
  await runSqlToEnd(t, path, "PRAGMA user_version = 1");
  await recovers();
});

test("a server leaves a newer store that replaces its file to the newer version", async (t) => {
  const { dir, path, servers, capture } = await startMachine(t, 1);
  const [server] = servers;
  if (server === undefined) {
    return t.fail();
  }
  const other = join(dir, "other");
  await mkdir(other);
  await makeStore(other);
  await runSqlToEnd(
    t,
    pathIn(other),
    "PRAGMA user_version = 99",
    "PRAGMA wal_checkpoint(TRUNCATE)",
  );
  await rename(pathIn(other), path);
  t.is(await capture(server), 503);
  // Another process can write it: the server that gave up has no lock on it.
  await runSqlToEnd(t, path, "PRAGMA user_version = 1");
  t.is(await capture(server), 200);
  t.is(await server.end("SIGTERM"), 0);
  t.is(await integrityOf(path), "ok");
});

for (const [what, make, message] of [
  [
    "another program's SQLite file",
    (t: ExecutionContext, path: string) => runSqlToEnd(t, path, "CREATE TABLE theirs (a)"),
    /store\.db is a SQLite file, but not a store of sealtalk-misc\. Move it away/,
  ],
  [
    "a file that is no SQLite file",
    (_: ExecutionContext, path: string) => writeFile(path, "name,friend\nalice,bob\n".repeat(500)),
    /store\.db is damaged or is not a SQLite file .*sealtalk-misc restore FILE/,
  ],
] as const) {
  test(`a server and a command refuse ${what}, and leave it as it is`, async (t) => {
    const dir = await makeDir(t);
    await make(t, pathIn(dir));
    const bytes = await readFile(pathIn(dir));
    for (const args of [["serve"], ["friends", "add", "alice", "bob"]]) {
      const ended = await runProgram(args, { DATA_DIR: dir, SESSION_SECRET });
      t.is(ended.code, 1);
      t.regex(complaintsOf(ended, dir), message);
      t.is(complaintsOf(ended, dir).split("\n").length, 2);
    }
    t.deepEqual(await readFile(pathIn(dir)), bytes);
    t.deepEqual(await readdir(dir), ["store.db"]);
  });
}
