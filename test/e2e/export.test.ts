/** Moving a deployment from one Redis prefix to another, by the real program. */
import { readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as O from "fp-ts/lib/Option.js";
import { Redis } from "ioredis";
import { makeKeys } from "../../adapters/redis/keys.ts";
import { openRedisStore, type RedisStore } from "../../adapters/redis/mod.ts";
import { id, succeed } from "../contract/expect.ts";
import { noticeFrom } from "../contract/fixtures.ts";
import { runCommand } from "../support/command.ts";
import { MOUNT, makeSmallDisk, testWith } from "../support/disk-faults.ts";
import { type Ended, runOnTerminal, runProgram, startProgram } from "../support/program.ts";
import { startRedisServer } from "../support/redis-server.ts";
import { makeTempDir } from "../support/temp-dir.ts";
import { type ExecutionContext, test } from "../support/test.ts";
import { until } from "../support/until.ts";

const server = await startRedisServer();
const admin = new Redis(server.url);
test.after.always(server.close);
test.after.always(() => admin.disconnect());

let deployments = 0;

/** A store of its own, and commands that work on it. */
interface Place {
  readonly prefix: string;
  readonly variables: Readonly<Record<string, string>>;
  readonly store: RedisStore;
  /** Runs a command, and checks that it names its store first; `stderr` is the rest. */
  readonly run: (...args: ReadonlyArray<string>) => Promise<Ended>;
}

const named = (prefix: string): string => `Store: redis ${new URL(server.url).host} (${prefix})\n`;

const makePlace = async (t: ExecutionContext): Promise<Place> => {
  deployments += 1;
  const prefix = `export${deployments}:`;
  const store = await openRedisStore({ urls: [server.url], prefix });
  t.teardown(store.close);
  const variables = { STORE: "redis", REDIS_URL: server.url, REDIS_PREFIX: prefix };
  return {
    prefix,
    variables,
    store,
    run: async (...args) => {
      const ended = await runCommand(args, variables);
      return { ...ended, stderr: ended.stderr.replace(named(prefix), "") };
    },
  };
};

const makeDir = async (t: ExecutionContext): Promise<string> => {
  const { dir, remove } = await makeTempDir();
  t.teardown(remove);
  return dir;
};

const G = "group:g";
const COUNTS = { friendships: 2, members: 2, statuses: 2, notices: 3, deadLetters: 1 };
const RECORDS = 10;

/** Everything that a store can hold; the head of the queue is postponed. */
const fill = async ({ settings, outbox, relationships }: RedisStore): Promise<void> => {
  const [alice, bob, carol] = [id("alice"), id("bob"), id("carol")];
  await succeed(
    relationships.addFriends([
      [alice, bob],
      [carol, alice],
    ]),
  );
  await succeed(relationships.addMembers(id("g"), [alice, bob]));
  await succeed(settings.importStatuses([["group:old", 1]]));
  for (const sender of ["dead", "first\u2028"]) {
    const notice = { ...noticeFrom("alice"), pushContent: sender };
    await succeed(settings.setNoticeStatus(G, 1, notice));
  }
  const die = { _tag: "DEAD", reason: "GATEWAY_REJECTED 1005" } as const;
  await settleNext(outbox, die);
  await settleNext(outbox, { _tag: "POSTPONED", until: Date.now() + 60_000, reason: "away" });
  await succeed(outbox.add(G, noticeFrom("bob")));
  await succeed(outbox.add("private:alice:bob", noticeFrom("carol", "PRIVATE")));
};

const settleNext = async (
  outbox: RedisStore["outbox"],
  outcome: Parameters<RedisStore["outbox"]["settle"]>[1],
): Promise<void> => {
  const now = Date.now();
  const claim = await succeed(outbox.claim("GROUP", now, now + 1_000));
  if (O.isNone(claim)) {
    throw new Error("nothing is due");
  }
  await succeed(outbox.settle(claim.value, outcome));
};

/** The status of the outbox, its reasons in one order. */
const statusOf = async ({ outbox }: RedisStore) => {
  const status = await succeed(outbox.status(Date.now()));
  const reasons = [...status.reasons].sort((one, other) => (one.state < other.state ? -1 : 1));
  return { ...status, reasons };
};

const linesOf = async (file: string): Promise<ReadonlyArray<string>> =>
  (await readFile(file, "utf8")).split("\n").slice(0, -1);

const recordsOf = async (file: string): Promise<ReadonlyArray<string>> =>
  [...(await linesOf(file)).slice(1, -1)].sort();

/** An export of a filled store, and another store that is empty. */
const prepare = async (t: ExecutionContext) => {
  const [dir, from, to] = [await makeDir(t), await makePlace(t), await makePlace(t)];
  await fill(from.store);
  const file = join(dir, "store.jsonl");
  const exported = await from.run("export", file);
  t.is(exported.code, 0, exported.stderr);
  return { dir, from, to, file, exported };
};

test("export and import move everything to another store", async (t) => {
  const { from, to, file, exported, dir } = await prepare(t);
  t.deepEqual(exported, {
    code: 0,
    stdout:
      `${file}: 10 records are exported\nfriendships: 2\ngroup members: 2\nstatuses: 2\n` +
      "waiting notices: 3\ndead letters: 1\n",
    stderr: "",
  });
  t.is((await stat(file)).mode & 0o777, 0o600);
  t.deepEqual(await readdir(dir), ["store.jsonl"]);
  const [first = "", ...lines] = await linesOf(file);
  const header = JSON.parse(first);
  t.like(header, { format: "sealtalk-misc-export", version: 1, store: "redis" });
  t.regex(header.id, /^[0-9a-f-]{36}$/);
  t.is(new Date(header.exportedAt).toISOString(), header.exportedAt);
  t.deepEqual(JSON.parse(lines.at(-1) ?? ""), { end: true, records: RECORDS });
  t.is(lines.length, RECORDS + 1);

  const imported = await to.run("import", "--store", file, "--json");
  t.is(imported.code, 0, imported.stderr);
  t.deepEqual(JSON.parse(imported.stdout), {
    file,
    id: header.id,
    records: RECORDS,
    stored: RECORDS,
    storedBefore: 0,
    ...COUNTS,
  });
  const again = join(dir, "again.jsonl");
  t.is((await to.run("export", again)).code, 0);
  t.deepEqual(await recordsOf(again), await recordsOf(file));
  t.deepEqual(await statusOf(to.store), await statusOf(from.store));
});

test("import --store of an export that is stored already changes nothing", async (t) => {
  const { to, file } = await prepare(t);
  t.is((await to.run("import", "--store", file)).code, 0);
  const before = await succeed(to.store.outbox.status(0));
  t.deepEqual(await to.run("import", "--store", file), {
    code: 0,
    stdout: `${file}: all 10 records were stored before; nothing is changed\n`,
    stderr: "",
  });
  t.deepEqual(await succeed(to.store.outbox.status(0)), before);
});

test("import --store of an export into the store that it came from changes nothing", async (t) => {
  const { from, file } = await prepare(t);
  const before = await succeed(from.store.outbox.status(0));
  const { code, stdout } = await from.run("import", "--store", file);
  t.deepEqual(
    [code, stdout],
    [0, `${file}: all 10 records were stored before; nothing is changed\n`],
  );
  t.deepEqual(await succeed(from.store.outbox.status(0)), before);
});

test("export of an empty store makes a file that can be imported", async (t) => {
  const [dir, from, to] = [await makeDir(t), await makePlace(t), await makePlace(t)];
  const file = join(dir, "empty.jsonl");
  const { code, stdout } = await from.run("export", file, "--json");
  t.is(code, 0);
  t.like(JSON.parse(stdout), { file, records: 0, notices: 0 });
  t.is((await to.run("import", "--store", file)).code, 0);
});

test("export refuses a file that exists, and one that is being written", async (t) => {
  const { from, file } = await prepare(t);
  const content = await readFile(file, "utf8");
  const refused = await from.run("export", file);
  t.deepEqual(refused, {
    code: 1,
    stdout: "",
    stderr: `${file}: exists. Remove it, or name another file.\n`,
  });
  t.is(await readFile(file, "utf8"), content);
  const other = `${file}2`;
  await writeFile(`${other}.part`, "another's");
  const { code, stderr } = await from.run("export", other);
  t.is(code, 1);
  t.regex(stderr, /store\.jsonl2\.part: exists\. Another export is writing it, or was killed/);
  t.is(await readFile(`${other}.part`, "utf8"), "another's");
});

test("export that fails leaves no file, and says why", async (t) => {
  const [dir, from] = [await makeDir(t), await makePlace(t)];
  await fill(from.store);
  const { queue } = makeKeys(from.prefix).partitionOf(G);
  await admin.lset(queue(G), 1, '7 {"v":2}');
  const { code, stderr } = await from.run("export", join(dir, "store.jsonl"));
  t.is(code, 1);
  t.is(stderr, `store: a value in ${queue(G)} is damaged or not ours\n`);
  t.deepEqual(await readdir(dir), []);
});

test("export says that a folder is not there", async (t) => {
  const [dir, from] = [await makeDir(t), await makePlace(t)];
  const file = join(dir, "nowhere", "store.jsonl");
  t.deepEqual(await from.run("export", file), {
    code: 1,
    stdout: "",
    stderr: `${file}.part: cannot be written: ENOENT. Export again once the folder exists and the disk has room.\n`,
  });
});

testWith(MOUNT)("export onto a full disk leaves no file, and says why", async (t) => {
  const [disk, from] = [await makeSmallDisk(t, 1), await makePlace(t)];
  const users = Array.from({ length: 40_000 }, (_, index) => id(`u${index}`));
  await succeed(from.store.relationships.addMembers(id("g"), users));
  const file = join(disk.dir, "store.jsonl");
  t.deepEqual(await from.run("export", file), {
    code: 1,
    stdout: "",
    stderr: `${file}.part: cannot be written: ENOSPC. Export again once the folder exists and the disk has room.\n`,
  });
  t.deepEqual(await readdir(disk.dir), []);
});

test("export ended by a signal leaves no file", async (t) => {
  const [dir, from] = [await makeDir(t), await makePlace(t)];
  const users = Array.from({ length: 40_000 }, (_, index) => id(`u${index}`));
  await succeed(from.store.relationships.addMembers(id("g"), users));
  const file = join(dir, "store.jsonl");
  const child = startProgram(["export", file], from.variables);
  let stderr = "";
  child.stderr.on("data", (chunk) => {
    stderr += chunk;
  });
  const ended = new Promise((resolve) => child.once("close", resolve));
  await until("the export has begun", async () => (await stat(`${file}.part`)).size > 0);
  child.kill("SIGTERM");
  t.is(await ended, 1);
  t.is(stderr, `${named(from.prefix)}The export was stopped; nothing of it is left.\n`);
  t.deepEqual(await readdir(dir), []);
});

test("export warns of notices in flight, since a server may still run", async (t) => {
  const [dir, from] = [await makeDir(t), await makePlace(t)];
  await succeed(from.store.outbox.add(G, noticeFrom("alice")));
  await succeed(from.store.outbox.claim("GROUP", Date.now(), Date.now() + 8_000));
  const { code, stderr } = await from.run("export", join(dir, "store.jsonl"));
  t.is(code, 0);
  t.regex(stderr, /^warning: 1 notices are in flight: a server uses this store/);
});

const REFUSED: ReadonlyArray<readonly [string, (lines: ReadonlyArray<string>) => string, RegExp]> =
  [
    ["is empty", () => "", /not an export: its first line is no header/],
    ["is a CSV file", () => "alice,bob\n", /not an export: its first line is no header/],
    [
      "is other JSON",
      (lines) => ['{"format":"other"}', ...lines.slice(1), ""].join("\n"),
      /not an export: its first line is no header/,
    ],
    [
      "has a newer version",
      ([first = "", ...lines]) =>
        [first.replace('"version":1', '"version":2'), ...lines].join("\n"),
      /an export of version 2; this program reads version 1\. Import it with the version/,
    ],
    [
      "has a header without an id",
      ([first = "", ...lines]) => [first.replace('"id"', '"key"'), ...lines].join("\n"),
      /line 1: id: expected a string that is not empty/,
    ],
    [
      "is cut short behind a line",
      (lines) => `${lines.slice(0, -1).join("\n")}\n`,
      /cut short: its last line is not the end of an export/,
    ],
    [
      "is cut short within a line",
      (lines) => lines.join("\n").slice(0, -40),
      /cut short: its last line is not the end of an export/,
    ],
    [
      "has its header alone",
      ([first = ""]) => `${first}\n`,
      /cut short: its last line is not the end of an export/,
    ],
  ];

for (const [what, change, expected] of REFUSED) {
  test(`import --store refuses a file that ${what}, and stores nothing`, async (t) => {
    const { to, file } = await prepare(t);
    await writeFile(file, change(await linesOf(file)));
    const { code, stdout, stderr } = await to.run("import", "--store", file);
    t.deepEqual([code, stdout], [1, ""]);
    t.regex(stderr, expected);
    t.true(stderr.startsWith(`${file}: `));
    t.deepEqual(await admin.keys(`${to.prefix}*`), []);
  });
}

test("import --store says that a file is not there, or is a folder", async (t) => {
  const [dir, to] = [await makeDir(t), await makePlace(t)];
  const missing = join(dir, "nowhere.jsonl");
  t.is((await to.run("import", "--store", missing)).stderr, `${missing}: ENOENT\n`);
  t.is((await to.run("import", "--store", dir)).stderr, `${dir}: not a file\n`);
});

const DAMAGED: ReadonlyArray<readonly [string, (line: string) => string | Buffer, RegExp]> = [
  ["is no JSON", (line) => line.slice(1), /line 6: it is not JSON/],
  ["is empty", () => "", /line 6: it is not JSON/],
  [
    "is not UTF-8",
    (line) => Buffer.from(line.replace("{", "{\u00ff"), "latin1"),
    /line 6: it is not UTF-8/,
  ],
  [
    "is of no known kind",
    (line) => line.replace('"_tag":"', '"_tag":"X'),
    /line 6: .*a record of a store/,
  ],
  ["is the end of the export", () => '{"end":true,"records":4}', /line 6: .*a record of a store/],
  ["has no end", () => "x".repeat(17_000_000), /line 6: it is longer than 16777216 bytes/],
];

for (const [what, change, expected] of DAMAGED) {
  test(`import --store stores nothing from a line on that ${what}, and goes on once it is mended`, async (t) => {
    const { to, file, dir } = await prepare(t);
    const lines = await linesOf(file);
    const damaged = join(dir, "damaged.jsonl");
    await writeFile(
      damaged,
      Buffer.concat(
        lines.map((line, index) =>
          Buffer.concat([Buffer.from(index === 5 ? change(line) : line), Buffer.from("\n")]),
        ),
      ),
    );
    const stopped = await to.run("import", "--store", damaged);
    t.is(stopped.code, 1);
    t.regex(stopped.stderr, expected);
    t.regex(stopped.stderr, /Nothing from this line on is stored\./);
    t.regex(stopped.stderr, /: 4 rows are stored; the import may be run again/);
    const mended = await to.run("import", "--store", file, "--json");
    t.is(mended.code, 0, mended.stderr);
    t.like(JSON.parse(mended.stdout), { stored: 6, storedBefore: 4 });
    const again = join(dir, "again.jsonl");
    await to.run("export", again);
    t.deepEqual(await recordsOf(again), await recordsOf(file));
  });
}

test("import --store says where a file goes on behind its records, or has fewer", async (t) => {
  const { to, file, dir } = await prepare(t);
  const lines = await linesOf(file);
  const more = join(dir, "more.jsonl");
  await writeFile(more, `${[...lines.slice(0, -1), ...lines.slice(-3)].join("\n")}\n`);
  const { code, stderr } = await to.run("import", "--store", more);
  t.is(code, 1);
  t.regex(stderr, /line 13: it follows the end of the export/);
  const fewer = join(dir, "fewer.jsonl");
  await writeFile(fewer, `${[...lines.slice(0, 3), ...lines.slice(4)].join("\n")}\n`);
  const other = await makePlace(t);
  const short = await other.run("import", "--store", fewer);
  t.is(short.code, 1);
  t.regex(short.stderr, /line 11: .*a record of a store/);
});

test("import takes one source at a time", async (t) => {
  const to = await makePlace(t);
  for (const args of [["--store", "a", "--friends", "b"], ["--store", "a", "--from-mysql"], []]) {
    const { code, stderr } = await to.run("import", ...args);
    t.is(code, 2);
    t.regex(stderr, /expected --from-mysql alone, --store FILE alone, or/);
  }
});

test("import --store killed again and again stores each record once, in order", async (t) => {
  const [dir, from, to] = [await makeDir(t), await makePlace(t), await makePlace(t)];
  const names = Array.from({ length: 12_000 }, (_, index) => `u${index}`);
  await Promise.all(
    names.map((name, index) =>
      succeed(from.store.outbox.add(`group:${index % 7}`, noticeFrom(name))),
    ),
  );
  const file = join(dir, "store.jsonl");
  t.is((await from.run("export", file)).code, 0);
  const { id: exportId } = JSON.parse((await linesOf(file))[0] ?? "");
  for (let kills = 0; kills < 3; kills += 1) {
    const before = await succeed(to.store.transfer.received(exportId));
    const child = startProgram(["import", "--store", file], to.variables);
    const ended = new Promise((resolve) => child.once("close", resolve));
    await until(
      "a batch is stored",
      async () =>
        child.exitCode !== null || (await succeed(to.store.transfer.received(exportId))) > before,
    );
    child.kill("SIGKILL");
    await ended;
  }
  const last = await to.run("import", "--store", file);
  t.is(last.code, 0, last.stderr);
  const again = join(dir, "again.jsonl");
  await to.run("export", again);
  const inOrder = async (name: string) => {
    const queues = new Map<string, string[]>();
    for (const line of (await linesOf(name)).slice(1, -1)) {
      const { conversation, notice } = JSON.parse(line);
      queues.set(conversation, [...(queues.get(conversation) ?? []), notice.senderId]);
    }
    return [...queues].sort(([a], [b]) => (a < b ? -1 : 1));
  };
  t.deepEqual(await inOrder(again), await inOrder(file));
});

test("export and import keep to little memory, and say how far they are", async (t) => {
  const [dir, from, to] = [await makeDir(t), await makePlace(t), await makePlace(t)];
  const padding = "x".repeat(50);
  for (let group = 0; group < 25; group += 1) {
    const users = Array.from({ length: 10_000 }, (_, index) => id(`u${index}${padding}`));
    await succeed(from.store.relationships.addMembers(id(`g${group}`), users));
  }
  const file = join(dir, "store.jsonl");
  const small = { NODE_OPTIONS: "--max-old-space-size=64" };
  const exported = await runProgram(["export", file], { ...from.variables, ...small });
  t.is(exported.code, 0, exported.stderr);
  t.is(exported.stderr, `${named(from.prefix)}${file}: 100000 rows\n${file}: 200000 rows\n`);
  const imported = await runProgram(["import", "--store", file], { ...to.variables, ...small });
  t.is(imported.code, 0, imported.stderr);
  t.is(
    imported.stderr,
    `${named(to.prefix)}${file}: 100000 rows, 40%\n${file}: 200000 rows, 80%\n`,
  );
  t.true(imported.stdout.startsWith(`${file}: 250000 records are stored\n`));
});

test("export and import show a bar on a terminal", async (t) => {
  const { dir, from, to } = await prepare(t);
  const file = join(dir, "terminal.jsonl");
  const exported = await runOnTerminal(["export", file], from.variables);
  t.is(exported.code, 0, exported.stdout);
  t.regex(exported.stdout, /terminal\.jsonl \| \d+ rows/);
  const imported = await runOnTerminal(["import", "--store", file], to.variables);
  t.is(imported.code, 0, imported.stdout);
  t.regex(imported.stdout, /100%/);
});

test("notices that moved are delivered in order, with their attempts", async (t) => {
  const { to, file } = await prepare(t);
  t.is((await to.run("import", "--store", file)).code, 0);
  t.is((await to.run("outbox", "retry", "--dead")).code, 0);
  const { outbox } = to.store;
  const claims = [];
  for (;;) {
    const now = Date.now();
    const claim = await succeed(outbox.claim("GROUP", now, now + 1_000));
    if (O.isNone(claim)) {
      break;
    }
    claims.push(claim.value);
    await succeed(outbox.settle(claim.value, { _tag: "DELIVERED" }));
  }
  t.deepEqual(
    claims.map(({ notice, attempts }) => [notice.pushContent ?? notice.senderId, attempts]),
    [
      ["first\u2028", 1],
      ["bob", 0],
      ["dead", 1],
    ],
  );
});
