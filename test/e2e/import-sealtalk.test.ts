import { on, once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { openSqliteStore, type SqliteStore } from "../../adapters/sqlite/mod.ts";
import { id, succeed } from "../contract/expect.ts";
import { drain, noticeFrom, senders } from "../contract/fixtures.ts";
import { runCommand } from "../support/command.ts";
import { startMariaDbServer } from "../support/mariadb-server.ts";
import { type Ended, runOnTerminal, startProgram } from "../support/program.ts";
import { makeSealTalkDatabase, type SealTalkDatabase } from "../support/sealtalk-database.ts";
import { makeTempDir } from "../support/temp-dir.ts";
import { type ExecutionContext, test } from "../support/test.ts";

const server = await startMariaDbServer();
test.after.always(server.close);

const COMMAND = ["import", "--from-mysql"];

interface Prepared {
  readonly database: SealTalkDatabase;
  readonly variables: Readonly<Record<string, string>>;
  /** The line on standard error that names the store. */
  readonly storeLine: string;
  readonly importing: (...args: ReadonlyArray<string>) => Promise<Ended>;
  /** Works on the store that is imported into. */
  readonly inStore: (work: (store: SqliteStore) => Promise<void>) => Promise<void>;
}

const prepare = async (t: ExecutionContext): Promise<Prepared> => {
  const { dir, remove } = await makeTempDir();
  t.teardown(remove);
  const database = await makeSealTalkDatabase(server);
  const data = join(dir, "data");
  const variables = { DATA_DIR: data, MYSQL_URL: database.url };
  return {
    database,
    variables,
    storeLine: `Store: sqlite ${join(data, "store.db")}\n`,
    importing: (...args) => runCommand([...COMMAND, ...args], variables),
    inStore: async (work) => {
      const store = await succeed(openSqliteStore({ dir: data }));
      try {
        await work(store);
      } finally {
        await store.close();
      }
    },
  };
};

const insertStatuses = (...rows: ReadonlyArray<readonly [string, number, number]>): string =>
  `INSERT INTO screen_statuses (operateId, conversationType, status) VALUES ${rows
    .map(([operateId, type, status]) => `('${operateId}', ${type}, ${status})`)
    .join(", ")}`;

test("import --from-mysql takes over friends, members and statuses, and may be run again", async (t) => {
  const { database, storeLine, importing, inStore } = await prepare(t);
  await database.befriend(id("9"), id("10"));
  await database.befriend(id("1"), id("9"));
  await database.join(id("7"), id("9"));
  await database.join(id("7"), id("1"));
  await database.run(insertStatuses(["9_10", 1, 1], ["7", 3, 1], ["1_9", 1, 0]));
  for (const _ of ["first", "again"]) {
    t.deepEqual(await importing(), {
      code: 0,
      stdout:
        "friendships: 4 rows are stored\ngroup_members: 2 rows are stored\nscreen_statuses: 3 rows are stored\n",
      stderr: storeLine,
    });
    await inStore(async ({ relationships, settings, outbox }) => {
      t.deepEqual(await succeed(relationships.friendsOf(id("9"))), [id("1"), id("10")]);
      t.deepEqual(await succeed(relationships.friendsOf(id("10"))), [id("9")]);
      t.deepEqual(await succeed(relationships.membersOf(id("7"))), [id("1"), id("9")]);
      for (const [conversation, status] of [
        ["private:10:9", 1],
        ["group:7", 1],
        ["private:1:9", 0],
        ["group:9", 0],
      ] as const) {
        t.is(await succeed(settings.noticeStatus(conversation)), status, conversation);
      }
      t.deepEqual(await drain(outbox), []);
    });
  }
});

test("import --from-mysql leaves what was set here meanwhile, and tells nobody of the rest", async (t) => {
  const { database, importing, inStore } = await prepare(t);
  await database.run(insertStatuses(["7", 3, 1], ["8", 3, 1]));
  await importing("screen_statuses");
  await inStore(({ settings }) =>
    succeed(settings.setNoticeStatus("group:7", 0, noticeFrom("alice"))),
  );
  await database.run("UPDATE screen_statuses SET status = 0 WHERE operateId = '8'");
  t.is((await importing("screen_statuses")).stdout, "screen_statuses: 2 rows are stored\n");
  await inStore(async ({ settings, outbox }) => {
    t.is(await succeed(settings.noticeStatus("group:7")), 0);
    t.is(await succeed(settings.noticeStatus("group:8")), 0);
    t.deepEqual(senders(await drain(outbox)), ["alice"]);
  });
});

test("import --from-mysql reports the rows that it cannot use, and why", async (t) => {
  const { database, importing } = await prepare(t);
  await database.befriend(id("1"), id("2"));
  await database.run(
    `INSERT INTO friendships (userId, friendId, status)
      VALUES (1, 3, 20), (3, 1, 30), (1, 4, 20), (5, 5, 20), (0, 1, 20), (1, 0, 20)`,
  );
  await database.run(
    "INSERT INTO group_members (groupId, memberId, isDeleted) VALUES (7, 1, 0), (7, 2, 1), (0, 1, 0)",
  );
  await database.run(
    insertStatuses(
      ...([
        ["1_2", 1, 1],
        ["2_1", 1, 1],
        ["2_2", 1, 1],
        ["1_2_3", 1, 1],
        ["01_2", 1, 1],
        ["7", 1, 1],
        ["1_2", 3, 1],
        ["1_2", 9, 1],
        ["1_3", 1, 7],
        ["", 1, 1],
      ] as const),
    ),
  );
  const { code, stdout } = await importing("--json");
  t.is(code, 0);
  t.deepEqual(JSON.parse(stdout), [
    {
      from: "friendships",
      by: "id",
      stored: 2,
      skipped: [
        {
          reason: "the other's row is not there, or its status is not 20",
          rows: 2,
          first: [3, 5],
        },
        { reason: "status is not 20", rows: 1, first: [4] },
        { reason: "nobody is their own friend", rows: 1, first: [6] },
        { reason: "an id is not an integer from 1 to 4294967295", rows: 2, first: [7, 8] },
      ],
    },
    {
      from: "group_members",
      by: "id",
      stored: 1,
      skipped: [
        { reason: "isDeleted is not 0", rows: 1, first: [2] },
        { reason: "an id is not an integer from 1 to 4294967295", rows: 1, first: [3] },
      ],
    },
    {
      from: "screen_statuses",
      by: "id",
      stored: 1,
      skipped: [
        {
          reason: "operateId is not two ids, the smaller one first, joined by _",
          rows: 5,
          first: [2, 3, 4, 6, 10],
        },
        { reason: "an id is not an integer from 1 to 4294967295", rows: 2, first: [5, 7] },
        { reason: "conversationType is neither 1 nor 3", rows: 1, first: [8] },
        { reason: "status is neither 0 nor 1", rows: 1, first: [9] },
      ],
    },
  ]);
});

const MANY = 110_000;

test("import --from-mysql that is killed midway is whole once it is run again", async (t) => {
  const { database, variables, storeLine, importing, inStore } = await prepare(t);
  // Each odd user and the next one are friends.
  await database.run(
    `INSERT INTO friendships (userId, friendId, status)
      SELECT seq, IF(seq % 2 = 1, seq + 1, seq - 1), 20 FROM seq_1_to_${MANY}`,
  );
  await database.run(insertStatuses(["1_2", 1, 1], [`${MANY - 1}_${MANY}`, 1, 1]));
  const killed = startProgram(COMMAND, variables);
  const printed = on(createInterface(killed.stderr), "line");
  t.deepEqual((await printed.next()).value, [storeLine.trimEnd()]);
  t.deepEqual((await printed.next()).value, ["friendships: 100000 rows, 90%"]);
  killed.kill("SIGKILL");
  await once(killed, "close");
  const { code, stdout } = await importing();
  t.is(code, 0);
  t.is(
    stdout,
    `friendships: ${MANY} rows are stored\ngroup_members: 0 rows are stored\nscreen_statuses: 2 rows are stored\n`,
  );
  await inStore(async ({ relationships, settings }) => {
    const missing: number[] = [];
    for (let user = 1; user < MANY; user += 2) {
      const [one, other] = [id(String(user)), id(String(user + 1))];
      if (
        !(await succeed(relationships.areFriends(one, other))) ||
        !(await succeed(relationships.areFriends(other, one)))
      ) {
        missing.push(user);
      }
    }
    t.deepEqual(missing, []);
    t.is(await succeed(settings.noticeStatus(`private:1:2`)), 1);
  });
});

test("import --from-mysql shows a bar on a terminal", async (t) => {
  const { database, variables } = await prepare(t);
  await database.befriend(id("1"), id("2"));
  const { code, stdout } = await runOnTerminal([...COMMAND, "friendships"], variables);
  t.is(code, 0, stdout);
  t.regex(stdout, /friendships .*100% \| 2 rows/);
  t.true(stdout.includes("friendships: 2 rows are stored"), stdout);
});

test("import --from-mysql says what it lacks", async (t) => {
  const { database, variables, storeLine, importing } = await prepare(t);
  const { MYSQL_URL: _none, ...without } = variables;
  t.deepEqual(await runCommand(COMMAND, without), {
    code: 78,
    stdout: "",
    stderr: "MYSQL_URL: expected to be set, to import from it\n",
  });
  t.is((await importing("users")).code, 2);
  t.is((await importing("--friends", "friends.csv")).code, 2);
  await database.run("DROP TABLE screen_statuses");
  await database.join(id("7"), id("1"));
  const { code, stdout, stderr } = await importing("group_members", "screen_statuses");
  t.is(code, 1);
  t.is(stdout, "");
  t.true(stderr.startsWith(storeLine), stderr);
  t.regex(stderr.replace(storeLine, ""), /^screen_statuses: mysql: .*screen_statuses/);
});
