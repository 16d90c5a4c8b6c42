/** `backup` and `restore`, by the real program, beside real servers. */
import { existsSync } from "node:fs";
import {
  chown,
  copyFile,
  mkdir,
  open,
  readdir,
  readFile,
  rm,
  stat,
  truncate,
  writeFile,
} from "node:fs/promises";
import { join, resolve } from "node:path";
import { type Connection, loadDriver } from "../../adapters/sqlite/driver.ts";
import { storePath } from "../../adapters/sqlite/mod.ts";
import { type Deployment, makeDeployment, postJson } from "../support/deployment.ts";
import { type Means, MOUNT, makeSmallDisk, testWith } from "../support/disk-faults.ts";
import {
  type Asked,
  askUntilGone,
  inGroups,
  inPairs,
  type Notice,
  nameOf,
  statusSetBy,
} from "../support/load.ts";
import { type Ended, runProgram, type ServerProcess } from "../support/program.ts";
import { makeTempDir } from "../support/temp-dir.ts";
import { type ExecutionContext, test } from "../support/test.ts";
import { until } from "../support/until.ts";

const connect = await loadDriver();

/** Opens a file for a while, as the store does. */
const inFile = <A>(path: string, use: (connection: Connection) => A): A => {
  const connection = connect(path);
  try {
    return use(connection);
  } finally {
    connection.close();
  }
};

const integrityOf = (path: string): ReadonlyArray<unknown> =>
  inFile(path, (file) => file.prepare("PRAGMA integrity_check").all().flatMap(Object.values));

/** A folder with a store in it, and room for backups beside it. */
interface Place {
  readonly dir: string;
  readonly data: string;
  readonly store: string;
  readonly backup: string;
  /** The line on standard error that names the store. */
  readonly storeLine: string;
  readonly run: (...args: ReadonlyArray<string>) => Promise<Ended>;
}

const preparePlace = async (t: ExecutionContext): Promise<Place> => {
  const { dir, remove } = await makeTempDir();
  t.teardown(remove);
  const data = join(dir, "data");
  const store = storePath(data);
  return {
    dir,
    data,
    store,
    backup: join(dir, "backup.db"),
    storeLine: `Store: sqlite ${store}\n`,
    run: (...args) => runProgram(args, { DATA_DIR: data }),
  };
};

const ROWS = 2_000;

/** Makes a store of many pages, all of them in the file itself. */
const fillStore = async ({ dir, run }: Place): Promise<void> => {
  const file = join(dir, "members.csv");
  await writeFile(file, Array.from({ length: ROWS }, (_, index) => `team,u${index}`).join("\n"));
  await run("import", "--members", file);
};

const membersIn = async ({ run }: Place): Promise<number> =>
  (await run("members", "list", "team")).stdout.split("\n").length - 1;

// The size of SQLite's pages.
const PAGE_BYTES = 4_096;
const LEAF_PAGES = 4;

/** Ways to damage a store's file. */
const DAMAGES: ReadonlyArray<readonly [string, (path: string) => Promise<void>]> = [
  ["has no header", (path) => overwrite(path, 0, PAGE_BYTES)],
  [
    "has pages of garbage",
    async (path) => {
      const { size } = await stat(path);
      await overwrite(path, size - LEAF_PAGES * PAGE_BYTES, LEAF_PAGES * PAGE_BYTES);
    },
  ],
  ["was cut short", async (path) => truncate(path, (await stat(path)).size - 3 * PAGE_BYTES)],
];

const overwrite = async (path: string, at: number, length: number): Promise<void> => {
  const file = await open(path, "r+");
  await file.write(Buffer.alloc(length, "garbage "), 0, length, at);
  await file.close();
};

const SET = "/misc/set_screen_capture";
const GROUP = { conversationType: 3, targetId: "g" };
const UNTIL_BACKUP = 150;
const AFTER_BACKUP = 50;

test("backup keeps every set that was acknowledged before it began, while a server writes", async (t) => {
  const deployment = await makeDeployment();
  t.teardown(deployment.close);
  deployment.rongCloud.behave({ status: 500 });
  const clients = [
    ...["a", "b", "c", "d"].map((name) => inGroups(name, 10, 10_000)),
    ...["e", "f", "g", "h"].map((name) => inPairs(name, 10_000)),
  ];
  for (const { enrol } of clients) {
    await deployment.relate(enrol);
  }
  const server = await deployment.start();
  const asked: Asked[] = [];
  const loaded = askUntilGone(server, deployment.tokenFor, clients, (one) => asked.push(one));
  const acknowledged = (): ReadonlyArray<Notice> =>
    asked.filter(({ outcome }) => outcome === "acknowledged");
  await until("the load is under way", async () => acknowledged().length > UNTIL_BACKUP);

  const before = acknowledged();
  const copy = join(deployment.dir, "backup.db");
  const ended = await runProgram(["backup", copy], { DATA_DIR: deployment.dir });
  t.deepEqual(ended, {
    code: 0,
    stdout: `The backup is ${copy}.\n`,
    stderr: `Store: sqlite ${storePath(deployment.dir)}\n`,
  });
  const during = acknowledged().length - before.length;
  t.true(during > 0, "the server answered nothing while it was backed up");
  await until("the load goes on", async () => {
    return acknowledged().length > before.length + during + AFTER_BACKUP;
  });
  t.is(await server.end("SIGTERM"), 0);
  await loaded;
  t.deepEqual(
    asked.filter(({ outcome }) => outcome === "unavailable"),
    [],
  );

  t.deepEqual(integrityOf(copy), ["ok"]);
  t.is((await stat(copy)).mode & 0o777, 0o600);
  const { notices, statuses } = contentsOf(copy);
  const kept = new Set(notices.map(nameIn));
  t.deepEqual(
    before.map(nameIn).filter((name) => !kept.has(name)),
    [],
  );
  t.true(notices.length < acknowledged().length, "the load ended before the backup was made");
  // A status and its notice are stored together, so each status is that of the last notice.
  const expected = new Map(
    notices.flatMap((notice) => {
      const status = statusSetBy(notice);
      return status === undefined ? [] : [[notice.conversation, status]];
    }),
  );
  t.deepEqual(statuses, expected);
});

const nameIn = (notice: Notice): string => `${notice.conversation}: ${nameOf(notice)}`;

/** Reads the statuses, and the waiting notices in the order of their queues. */
const contentsOf = (path: string) =>
  inFile(path, (file) => ({
    notices: file
      .prepare("SELECT conversation, notice FROM notices ORDER BY conversation, position")
      .all()
      .map(({ conversation, notice }): Notice => {
        const { senderId, content } = JSON.parse(String(notice));
        const { operation } = JSON.parse(content);
        return { conversation: String(conversation), sender: senderId, operation };
      }),
    statuses: new Map(
      file
        .prepare("SELECT conversation, status FROM statuses")
        .all()
        .map(({ conversation, status }) => [conversation, status]),
    ),
  }));

test("backup refuses a FILE that exists, and a folder that does not", async (t) => {
  const place = await preparePlace(t);
  const { dir, store, backup, storeLine, run } = place;
  await fillStore(place);
  await writeFile(backup, "keep me");
  for (const file of [backup, store]) {
    t.deepEqual(await run("backup", file), {
      code: 1,
      stdout: "",
      stderr: `${storeLine}store: ${file} exists already. Name a new file.\n`,
    });
  }
  t.is(await readFile(backup, "utf8"), "keep me");
  t.is(await membersIn(place), ROWS);
  const nowhere = await run("backup", join(dir, "none", "backup.db"));
  t.like(nowhere, { code: 1, stdout: "" });
  t.regex(nowhere.stderr, /^Store: .*\nstore: Cannot use .*backup\.db.*: ENOENT: [^\n]*\n$/);
  t.deepEqual((await readdir(dir)).sort(), ["backup.db", "data", "members.csv"]);
  const part = join(dir, "other.db.part");
  await writeFile(part, "another command's");
  t.regex((await run("backup", join(dir, "other.db"))).stderr, /other\.db\.part exists\. Another/);
  t.is(await readFile(part, "utf8"), "another command's");
});

testWith(MOUNT)("backup says which disk is full, and makes no file", async (t) => {
  const place = await preparePlace(t);
  await fillStore(place);
  const disk = await makeSmallDisk(t, 1);
  await disk.fill();
  const copy = join(disk.dir, "backup.db");
  t.deepEqual(await place.run("backup", copy), {
    code: 1,
    stdout: "",
    stderr:
      `${place.storeLine}store: Cannot write ${copy}: the disk is full (database or disk is full). ` +
      "Free some space; a running server recovers without a restart.\n",
  });
  t.deepEqual(await readdir(disk.dir), ["filler"]);
});

for (const [what, damage] of DAMAGES) {
  test(`backup refuses a store that ${what}, and makes no file`, async (t) => {
    const place = await preparePlace(t);
    const { dir, store, backup, storeLine, run } = place;
    await fillStore(place);
    await damage(store);
    const { code, stdout, stderr } = await run("backup", backup);
    t.deepEqual([code, stdout], [1, ""]);
    t.true(stderr.startsWith(`${storeLine}store: ${store} is damaged`), stderr);
    t.deepEqual((await readdir(dir)).sort(), ["data", "members.csv"]);
  });

  test(`restore refuses a backup that ${what}, and replaces nothing`, async (t) => {
    const place = await preparePlace(t);
    const { data, store, backup, storeLine, run } = place;
    await fillStore(place);
    t.is((await run("backup", backup)).code, 0);
    await damage(backup);
    const [files, bytes] = [await readdir(data), await readFile(store)];
    const { code, stdout, stderr } = await run("restore", backup);
    t.deepEqual([code, stdout], [1, ""]);
    t.true(stderr.startsWith(`${storeLine}store: ${backup} is damaged`), stderr);
    t.deepEqual(await readdir(data), files);
    t.true(bytes.equals(await readFile(store)));
    t.is(await membersIn(place), ROWS);
  });

  test(`restore takes the place of a store that ${what}, and keeps it`, async (t) => {
    const place = await preparePlace(t);
    const { data, store, backup, storeLine, run } = place;
    await fillStore(place);
    t.is((await run("backup", backup)).code, 0);
    // A log that is left over must not be applied to the restored store.
    await run("members", "add", "team", "later");
    await damage(store);
    await writeFile(`${store}-wal`, "left over");
    const bytes = await readFile(store);
    const { code, stdout, stderr } = await run("restore", backup);
    t.deepEqual([code, stderr], [0, storeLine]);
    const earlier = earlierIn(stdout, backup, store);
    t.true(bytes.equals(await readFile(earlier)));
    t.false(existsSync(`${store}-wal`));
    t.deepEqual(
      (await readdir(data)).filter((name) => /restored|part/.test(name)),
      [],
    );
    t.deepEqual(integrityOf(store), ["ok"]);
    t.is(await membersIn(place), ROWS);
  });
}

/** Reads where `restore` says that the earlier store is. */
const earlierIn = (stdout: string, backup: string, store: string): string => {
  const [first, second = ""] = stdout.split("\n");
  const [, earlier = ""] = /^The earlier store is kept as (.*)\.$/.exec(second) ?? [];
  if (first !== `The store is as it was in ${backup}.` || !earlier.startsWith(`${store}.20`)) {
    throw new Error(stdout);
  }
  return earlier;
};

for (const [what, make, why] of [
  [
    "is a text",
    (path) => writeFile(path, "no store".repeat(1_000)),
    /is damaged or is not a SQLite/,
  ],
  ["is empty", (path) => writeFile(path, ""), /is a SQLite file, but not a store of sealtalk-misc/],
  [
    "is of another program",
    async (path) => inFile(path, (file) => file.exec("CREATE TABLE other (one)")),
    /is a SQLite file, but not a store of sealtalk-misc/,
  ],
  [
    "is of a newer version",
    async (path, store) => {
      await copyFile(store, path);
      inFile(path, (file) => file.exec("PRAGMA user_version = 99"));
    },
    /was written by a newer version of sealtalk-misc \(schema 99;/,
  ],
  ["is not there", async () => {}, /^There is no backup at /],
] as ReadonlyArray<readonly [string, (path: string, store: string) => Promise<void>, RegExp]>) {
  test(`restore refuses a file that ${what}, and replaces nothing`, async (t) => {
    const place = await preparePlace(t);
    const { data, store, backup, storeLine, run } = place;
    await fillStore(place);
    await make(backup, store);
    const files = await readdir(data);
    const { code, stdout, stderr } = await run("restore", backup);
    t.deepEqual([code, stdout], [1, ""]);
    t.true(stderr.startsWith(`${storeLine}store: `), stderr);
    t.regex(stderr.replace(`${storeLine}store: `, ""), why);
    t.deepEqual(await readdir(data), files);
    t.is(await membersIn(place), ROWS);
  });
}

const statusOf = async (
  { tokenFor }: Deployment,
  server: ServerProcess,
  target: { readonly conversationType: number; readonly targetId: string },
): Promise<unknown> =>
  (await postJson(server, "/misc/get_screen_capture", await tokenFor("alice"), target)).json();

const isStatus = (status: number): unknown => ({ code: 200, result: { status } });

for (const signal of ["SIGTERM", "SIGKILL"] as const) {
  test(`restore refuses while a server runs, and works after its ${signal}`, async (t) => {
    const { data, store, backup, storeLine, run } = await preparePlace(t);
    const deployment = await makeDeployment();
    t.teardown(deployment.close);
    const { rongCloud } = deployment;
    await run("friends", "add", "alice", "bob");
    await run("members", "add", "g", "alice", "bob");
    const alice = await deployment.tokenFor("alice");
    const set = async (server: ServerProcess, noticeStatus: 0 | 1): Promise<number> =>
      (await postJson(server, SET, alice, { ...GROUP, noticeStatus })).status;

    rongCloud.behave({ status: 500 });
    const server = await deployment.start({ DATA_DIR: data });
    t.is(await set(server, 1), 200);
    t.is((await run("backup", backup)).code, 0);
    t.is(await set(server, 0), 200);
    t.is((await run("friends", "remove", "alice", "bob")).code, 0);

    t.deepEqual(await run("restore", backup), {
      code: 1,
      stdout: "",
      stderr: `${storeLine}store: ${store} is in use. Stop every server that uses it, then try again.\n`,
    });
    t.deepEqual(await statusOf(deployment, server, GROUP), isStatus(0));
    t.is(await set(server, 0), 200);
    t.is(await server.end(signal), signal === "SIGTERM" ? 0 : signal);

    const { code, stdout } = await run("restore", backup);
    t.is(code, 0);
    const earlier = earlierIn(stdout, backup, store);
    t.deepEqual(integrityOf(earlier), ["ok"]);
    const { notices, statuses } = contentsOf(earlier);
    t.deepEqual(
      notices.map(({ operation }) => operation),
      ["openScreenNtf", "closeScreenNtf", "closeScreenNtf"],
    );
    t.deepEqual(statuses, new Map([["group:g", 0]]));

    rongCloud.behave("take");
    const taken = rongCloud.taken.length;
    const next = await deployment.start({ DATA_DIR: data });
    t.deepEqual(await statusOf(deployment, next, GROUP), isStatus(1));
    await until("the restored notice is delivered", async () => rongCloud.taken.length > taken);
    const outbox = JSON.parse((await run("outbox", "status", "--json")).stdout);
    t.like(outbox, { pending: 0, dead: 0 });
    t.deepEqual(
      rongCloud.taken.slice(taken).map(({ form }) => JSON.parse(form.content ?? "").operation),
      ["openScreenNtf"],
    );
    const bob = { conversationType: 1, targetId: "bob", noticeStatus: 1 };
    t.is((await postJson(next, SET, alice, bob)).status, 200);
    t.is(await next.end("SIGTERM"), 0);
  });
}

test("restore makes the store of a DATA_DIR that is empty or missing", async (t) => {
  const place = await preparePlace(t);
  const { dir, backup } = place;
  await fillStore(place);
  t.is((await place.run("backup", backup)).code, 0);
  const [empty, missing] = [join(dir, "empty"), join(dir, "missing", "data")];
  await mkdir(empty);
  for (const data of [empty, missing]) {
    const run = (...args: ReadonlyArray<string>): Promise<Ended> =>
      runProgram(args, { DATA_DIR: data });
    t.deepEqual(await run("restore", backup), {
      code: 0,
      stdout: `The store is as it was in ${backup}.\n`,
      stderr: `Store: sqlite ${storePath(data)}\n`,
    });
    t.deepEqual(await readdir(data), ["store.db"]);
    t.is((await stat(storePath(data))).mode & 0o777, 0o600);
    t.is(await membersIn({ ...place, run }), ROWS);
  }
});

const ROOT: Means = { here: process.getuid?.() === 0, without: "this user is not root" };
const NOBODY = 65_534;

testWith(ROOT)("restore by root leaves the store to the user of the servers", async (t) => {
  const place = await preparePlace(t);
  const { data, store, backup, run } = place;
  await fillStore(place);
  t.is((await run("backup", backup)).code, 0);
  await chown(store, NOBODY, NOBODY);
  t.is((await run("restore", backup)).code, 0);
  t.like(await stat(store), { uid: NOBODY, gid: NOBODY });
  await rm(store);
  await chown(data, NOBODY, NOBODY);
  t.is((await run("restore", backup)).code, 0);
  t.like(await stat(store), { uid: NOBODY, gid: NOBODY });
});

for (const command of ["backup", "restore"]) {
  test(`${command} exits 78 when the store is not an embedded one`, async (t) => {
    const { dir, backup } = await preparePlace(t);
    const redis = { STORE: "redis", REDIS_URL: "redis://:hush@127.0.0.1:1", DATA_DIR: dir };
    t.deepEqual(await runProgram([command, backup], redis), {
      code: 78,
      stdout: "",
      stderr:
        "Store: redis 127.0.0.1:1 (sealtalk-misc:)\n" +
        "STORE: expected sqlite. Back up a Redis with its own tools, or copy it with `sealtalk-misc export`\n",
    });
    t.deepEqual(await runProgram([command, backup], { STORE: "memory", DATA_DIR: dir }), {
      code: 78,
      stdout: "",
      stderr: "STORE: memory keeps nothing when this command ends\n",
    });
    t.deepEqual(await readdir(dir), []);
  });
}

for (const args of [
  ["outbox", "status"],
  ["outbox", "dead"],
  ["friends", "list", "alice"],
  ["members", "list", "team"],
  ["backup", "backup.db"],
]) {
  test(`${args.join(" ")} fails with a hint where there is no store, and makes none`, async (t) => {
    const { dir, data, run, storeLine } = await preparePlace(t);
    const ended = {
      code: 1,
      stdout: "",
      stderr:
        `${storeLine}There is no store here yet, and this command only reads.\n` +
        "Set DATA_DIR to the folder that the server uses; `sealtalk-misc serve` makes a new store.\n",
    };
    t.deepEqual(await run(...args), ended);
    t.deepEqual(await readdir(dir), []);
    await mkdir(data);
    t.deepEqual(await run(...args), ended);
    t.deepEqual(await readdir(data), []);
    t.false(existsSync(resolve("backup.db")));
  });
}

test("doctor warns where there is no store, and makes none", async (t) => {
  const { data, store, storeLine, run } = await preparePlace(t);
  const { code, stdout, stderr } = await run("doctor");
  t.deepEqual([code, stderr], [0, storeLine]);
  t.true(
    stdout.includes(
      `store: warning: there is no store yet at sqlite ${store}; \`sealtalk-misc serve\` makes it, or set DATA_DIR to the folder of an existing one\n`,
    ),
    stdout,
  );
  t.deepEqual(await readdir(data), ["session-secret"]);
});
