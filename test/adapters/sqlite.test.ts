import { execFile } from "node:child_process";
import { once } from "node:events";
import { mkdir, readdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import type { Worker } from "node:worker_threads";
import * as E from "fp-ts/lib/Either.js";
import { makeCommitter } from "../../adapters/sqlite/committer.ts";
import { type Connect, type Connection, loadDriver } from "../../adapters/sqlite/driver.ts";
import { openSqliteFile } from "../../adapters/sqlite/file.ts";
import {
  openSqliteStore,
  type SqliteStore,
  type SqliteStoreOptions,
  storePath,
} from "../../adapters/sqlite/mod.ts";
import type { NewNotice } from "../../adapters/sqlite/writes.ts";
import { fail, id, succeed } from "../contract/expect.ts";
import { drain, noticeFrom, senders } from "../contract/fixtures.ts";
import { testCases } from "../support/contract.ts";
import { nodePath } from "../support/runtimes.ts";
import { otherSqliteCases, sqliteCases } from "../support/subjects/sqlite.ts";
import { makeTempDir } from "../support/temp-dir.ts";
import { type ExecutionContext, test } from "../support/test.ts";

testCases([...sqliteCases, ...otherSqliteCases]);

const makeDir = async (t: ExecutionContext): Promise<string> => {
  const { dir, remove } = await makeTempDir();
  t.teardown(remove);
  return dir;
};

const open = async (
  t: ExecutionContext,
  dir: string,
  options: Partial<SqliteStoreOptions> = {},
): Promise<SqliteStore> => {
  const store = await succeed(openSqliteStore({ dir, thread: false, ...options }));
  t.teardown(store.close);
  return store;
};

/** Opens the same file without the store, as another program could. */
const openAside = async (t: ExecutionContext, dir: string): Promise<Connection> => {
  const connect = await loadDriver();
  const connection = connect(storePath(dir));
  t.teardown(connection.close);
  return connection;
};

const CLOSED = { _tag: "STORE_UNAVAILABLE", cause: "the store is closed" } as const;

test("SQLite store finds what it kept when it is opened again", async (t) => {
  const dir = await makeDir(t);
  const first = await open(t, dir, { thread: true });
  await succeed(first.settings.setNoticeStatus("group:1", 1, noticeFrom("a")));
  await succeed(first.relationships.addFriends([[id("alice"), id("bob")]]));
  await first.close();
  const second = await open(t, dir, { thread: true });
  t.is(await succeed(second.settings.noticeStatus("group:1")), 1);
  t.deepEqual(await succeed(second.relationships.friendsOf(id("alice"))), ["bob"]);
  t.deepEqual(senders(await drain(second.outbox)), ["a"]);
});

const testOnPosix = process.platform === "win32" ? test.skip : test;

testOnPosix("SQLite store makes a folder and files that only their owner can use", async (t) => {
  const dir = join(await makeDir(t), "nested", "data");
  const store = await open(t, dir);
  await succeed(store.settings.ready());
  const modeOf = async (path: string): Promise<string> =>
    ((await stat(path)).mode & 0o777).toString(8);
  t.is(await modeOf(dir), "700");
  const files = await readdir(dir);
  t.true(files.includes("store.db"));
  for (const file of files) {
    t.is(await modeOf(join(dir, file)), "600", file);
  }
});

test("SQLite store names a path that it cannot make", async (t) => {
  const dir = await makeDir(t);
  const file = join(dir, "file");
  await writeFile(file, "");
  const inFile = await fail(openSqliteStore({ dir: join(file, "data") }));
  t.true(inFile.cause.includes(join(file, "data")), inFile.cause);
  await mkdir(storePath(dir));
  for (const thread of [false, true]) {
    const isFolder = await fail(openSqliteStore({ dir, thread }));
    t.true(isFolder.cause.includes(storePath(dir)), isFolder.cause);
  }
});

for (const thread of [false, true]) {
  test(`SQLite store answers STORE_UNAVAILABLE after it was closed (thread: ${thread})`, async (t) => {
    const { close, outbox, settings } = await open(t, await makeDir(t), { thread });
    await close();
    t.deepEqual(await fail(settings.noticeStatus("group:1")), CLOSED);
    t.deepEqual(await fail(settings.setNoticeStatus("group:1", 1, noticeFrom("a"))), CLOSED);
    t.deepEqual(await fail(settings.ready()), CLOSED);
    t.deepEqual(await fail(outbox.claim("GROUP", 0, 1)), CLOSED);
    await t.notThrowsAsync(close());
  });
}

test("SQLite store finishes a change that had begun when it is closed", async (t) => {
  const dir = await makeDir(t);
  const { close, outbox } = await open(t, dir, { thread: true });
  const added = outbox.add("group:1", noticeFrom("a"))();
  await setImmediate();
  await close();
  t.deepEqual(await added, E.right(undefined));
  t.deepEqual(senders(await drain((await open(t, dir)).outbox)), ["a"]);
});

test("two SQLite stores on one folder read each other's changes", async (t) => {
  const dir = await makeDir(t);
  const [one, other] = [await open(t, dir), await open(t, dir, { thread: true })];
  for (const [from, to, status] of [
    [one, other, 1],
    [other, one, 0],
  ] as const) {
    // The reader's snapshot ends with the turn: begin one, so that it could be stale.
    await succeed(to.settings.noticeStatus("group:1"));
    await setImmediate();
    await succeed(from.settings.setNoticeStatus("group:1", status, noticeFrom(`n${status}`)));
    await setImmediate();
    t.is(await succeed(to.settings.noticeStatus("group:1")), status);
  }
  t.deepEqual(senders(await drain(one.outbox)), ["n1", "n0"]);
});

test("SQLite store reads an acknowledged set in the turn of an earlier read", async (t) => {
  const { settings } = await open(t, await makeDir(t));
  let turns = 0;
  setImmediate().then(() => {
    turns += 1;
  });
  t.is(await succeed(settings.noticeStatus("group:1")), 0);
  await succeed(settings.setNoticeStatus("group:1", 1, noticeFrom("a")));
  t.is(await succeed(settings.noticeStatus("group:1")), 1);
  t.is(turns, 0);
});

/** A driver that counts the transactions that it commits. */
const makeCountingDriver = async () => {
  const connect = await loadDriver();
  let commits = 0;
  const counting: Connect = (path, options) => {
    const connection = connect(path, options);
    const prepare: Connection["prepare"] = (sql) => {
      const statement = connection.prepare(sql);
      const run: typeof statement.run = (...parameters) => {
        commits += 1;
        return statement.run(...parameters);
      };
      return sql === "COMMIT" ? { ...statement, run } : statement;
    };
    return { ...connection, prepare };
  };
  return { connect: counting, commits: () => commits };
};

test("changes that are asked for in one turn share one commit", async (t) => {
  const { connect, commits } = await makeCountingDriver();
  const path = storePath(await makeDir(t));
  const { write, close } = await openSqliteFile(connect, {
    path,
    deadlineMs: 3_000,
    thread: false,
  });
  const before = commits();
  const answers = await Promise.all(Array.from({ length: 100 }, () => write("probe")()));
  t.true(answers.every(E.isRight));
  t.is(commits(), before + 1);
  await close();
});

test("a file that cannot be opened to read yet fails a read with its reason, and is read later", async (t) => {
  const connect = await loadDriver();
  let refuses = true;
  const refusing: Connect = (path, options) => {
    if (refuses && options?.readOnly) {
      throw new Error("too many open files");
    }
    return connect(path, options);
  };
  const path = storePath(await makeDir(t));
  const file = await openSqliteFile(refusing, { path, deadlineMs: 3_000, thread: false });
  const count = file.read((query) => E.right(query("SELECT count(*) AS n FROM friends").get()?.n));
  t.is((await fail(count)).cause, "too many open files");
  refuses = false;
  t.is(await succeed(count), 0);
  await file.close();
});

const newNotice = (conversation: string): NewNotice => ({
  ...{ conversation, type: "GROUP", notice: JSON.stringify(noticeFrom("a")) },
  ...{ attempts: 0, storedAt: 0, dueAt: 0, reason: null },
});

test("a change that cannot be made fails alone, and those beside it are kept", async (t) => {
  const dir = await makeDir(t);
  const { commit, close } = makeCommitter(await loadDriver(), storePath(dir));
  const { outcomes } = commit([
    ["add", [newNotice("group:1"), 1]],
    ["add", [{ ...newNotice("group:2"), attempts: 0.5 }, 1]],
    ["addMembers", ["1", ["alice", null]]],
    ["add", [newNotice("group:3"), 0]],
  ]);
  t.deepEqual(
    outcomes.map((outcome) => "fault" in outcome),
    [false, true, true, false],
  );
  t.true(outcomes.every((outcome) => !("fault" in outcome) || outcome.fault.includes(dir)));
  close();
  const { outbox, relationships, settings } = await open(t, dir);
  t.deepEqual(
    (await drain(outbox)).map(({ conversation }) => conversation),
    ["group:1", "group:3"],
  );
  t.deepEqual(await succeed(relationships.membersOf(id("1"))), []);
  t.is(await succeed(settings.noticeStatus("group:2")), 0);
});

test("a change that had not begun at its deadline is never made", async (t) => {
  const dir = await makeDir(t);
  const { outbox, settings } = await open(t, dir, { thread: true, deadlineMs: 100 });
  const other = await openAside(t, dir);
  other.exec("BEGIN IMMEDIATE");
  const begun = outbox.add("group:1", noticeFrom("begun"))();
  await setImmediate();
  const waiting = outbox.add("group:2", noticeFrom("waiting"))();
  for (const answer of [await begun, await waiting]) {
    t.deepEqual(
      answer,
      E.left({
        _tag: "STORE_UNAVAILABLE",
        cause: `${storePath(dir)}: no flush within 100 ms`,
      }),
    );
  }
  other.exec("COMMIT");
  while (E.isLeft(await settings.ready()())) {
    // The change that had begun is still in the writer's hands.
  }
  await succeed(outbox.add("group:3", noticeFrom("later")));
  t.deepEqual(
    senders(await drain(outbox)).filter((sender) => sender !== "begun"),
    ["later"],
  );
});

test("a change is refused when another process keeps the file locked", async (t) => {
  const dir = await makeDir(t);
  const { settings } = await open(t, dir, { thread: true });
  const other = await openAside(t, dir);
  other.exec("BEGIN IMMEDIATE");
  const { cause } = await fail(settings.ready());
  t.regex(cause, /^Cannot use .*store\.db: another process keeps it locked/);
  other.exec("COMMIT");
  t.deepEqual(await settings.ready()(), E.right(undefined));
});

/** Opens a store, and gives the worker that writes for it. */
const openWithWorker = async (t: ExecutionContext) => {
  const started = once(process, "worker");
  const store = await open(t, await makeDir(t), { thread: true });
  const [worker]: Worker[] = await started;
  return { store, terminate: async () => worker?.terminate() };
};

test("a writer thread that has ended is replaced at the next change", async (t) => {
  const { store, terminate } = await openWithWorker(t);
  await succeed(store.settings.setNoticeStatus("group:1", 1, noticeFrom("a")));
  await terminate();
  await succeed(store.settings.setNoticeStatus("group:1", 0, noticeFrom("b")));
  t.is(await succeed(store.settings.noticeStatus("group:1")), 0);
  t.deepEqual(senders(await drain(store.outbox)), ["a", "b"]);
});

test("a change whose writer thread ends is answered, and the next one is made", async (t) => {
  const { store, terminate } = await openWithWorker(t);
  const terminated = terminate();
  const answer = await store.outbox.add("group:1", noticeFrom("a"))();
  await terminated;
  t.true(E.isRight(answer) || answer.left.cause.includes("thread has ended"), answer._tag);
  await succeed(store.outbox.add("group:1", noticeFrom("b")));
  const found = senders(await drain(store.outbox));
  t.deepEqual(found, E.isRight(answer) ? ["a", "b"] : ["b"]);
});

/** Opens a store in a process of its own, which prints why that fails. */
const openIn = async (node: string, dir: string, ...args: ReadonlyArray<string>) => {
  const program = join(dir, "open.mjs");
  await writeFile(
    program,
    `import { openSqliteStore } from ${JSON.stringify(STORE_MODULE)};
    const opened = await openSqliteStore({ dir: ${JSON.stringify(dir)} })();
    if (opened._tag === "Left") {
      console.log(opened.left.cause);
    } else {
      await opened.right.settings.ready()();
      await opened.right.close();
    }`,
  );
  return promisify(execFile)(node, [...args, program]);
};

const STORE_MODULE = pathToFileURL("dist/adapters/sqlite/mod.js").href;

for (const version of ["20", "22", "24"]) {
  test(`SQLite store prints no warning on Node ${version}`, async (t) => {
    const { stdout, stderr } = await openIn(await nodePath(version), await makeDir(t));
    t.is(stderr, "");
    t.is(stdout, "");
  });
}

test("SQLite store says what to install where there is no driver", async (t) => {
  const dir = await makeDir(t);
  const hooks = `export const resolve = async (name, context, next) => {
    if (name.endsWith(":sqlite") || name.endsWith("/sqlite")) {
      throw new Error("not found");
    }
    return next(name, context);
  };`;
  const module = (text: string): string => `data:text/javascript,${encodeURIComponent(text)}`;
  const register = `import { register } from "node:module"; register(${JSON.stringify(module(hooks))});`;
  const { stdout } = await openIn(process.execPath, dir, "--import", module(register));
  t.is(
    stdout,
    "No SQLite driver found. Use Node 22.13 or later, Deno or Bun, " +
      "which have one built in, or run `npm install @photostructure/sqlite@1.2.1`.\n",
  );
});
