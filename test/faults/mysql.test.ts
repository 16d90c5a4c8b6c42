/**
 * An existing SealTalk database that fails, under the real process and under the adapter alone: what
 * needs it is refused in time, nothing else is, and service resumes by itself.
 */
import { createServer, type Socket } from "node:net";
import type { RowDataPacket } from "mysql2/promise";
import { type MysqlDatabase, openMysqlDatabase } from "../../adapters/mysql/mod.ts";
import { fail, id, succeed } from "../contract/expect.ts";
import { type Deployment, makeDeployment, postJson } from "../support/deployment.ts";
import { closeOf, portOf } from "../support/gate.ts";
import { startMariaDbServer } from "../support/mariadb-server.ts";
import type { ServerProcess } from "../support/program.ts";
import {
  makeSealTalkDatabase,
  PASSWORD,
  type SealTalkDatabase,
} from "../support/sealtalk-database.ts";
import { type ExecutionContext, test } from "../support/test.ts";
import { until } from "../support/until.ts";

const server = await startMariaDbServer();
test.after.always(server.close);
// A test that fails while it is stopped leaves the others theirs.
test.afterEach.always(() => server.signal("SIGCONT"));

const [one, two, seven] = [id("1"), id("2"), id("7")];

/** A question takes a second at most; the rest is for a busy machine. */
const IN_TIME_MS = 2_000;

const inTime = async <A>(t: ExecutionContext, answer: Promise<A>): Promise<A> => {
  const begun = performance.now();
  const found = await answer;
  t.true(performance.now() - begun < IN_TIME_MS);
  return found;
};

interface Serving {
  readonly deployment: Deployment;
  readonly database: SealTalkDatabase;
  readonly process: ServerProcess;
  /** Reads user 1's chat with user 2, and that of group 7. */
  readonly ask: () => Promise<ReadonlyArray<string>>;
  readonly readiness: () => Promise<unknown>;
}

/** A server in front of a database in which 1 and 2 are friends, and 1 is in group 7. */
const serve = async (t: ExecutionContext): Promise<Serving> => {
  const database = await makeSealTalkDatabase(server);
  await database.befriend(one, two);
  await database.join(seven, one);
  const deployment = await makeDeployment(undefined, { MYSQL_URL: database.url });
  t.teardown(deployment.close);
  const process = await deployment.start();
  const token = await deployment.tokenFor("1");
  const get = async (body: object): Promise<string> => {
    const response = await postJson(process, "/misc/get_screen_capture", token, body);
    const [, error = ""] = /"error":"(\w+)"/.exec(await response.text()) ?? [];
    return `${response.status} ${error}`.trim();
  };
  return {
    deployment,
    database,
    process,
    ask: () =>
      Promise.all([
        get({ conversationType: 1, targetId: "2" }),
        get({ conversationType: 3, targetId: "7" }),
      ]),
    readiness: async () => (await fetch(`${process.url}/readyz`)).json(),
  };
};

test("who is unfriended, or leaves a group, loses access with the next request", async (t) => {
  const { database, ask } = await serve(t);
  t.deepEqual(await ask(), ["200", "200"]);
  await database.unfriend(two, one);
  t.deepEqual(await ask(), ["403 NOT_FRIENDS", "200"]);
  await database.leave(seven, one);
  t.deepEqual(await ask(), ["403 NOT_FRIENDS", "403 NOT_A_MEMBER"]);
  await database.befriend(two, one);
  t.deepEqual(await ask(), ["200", "403 NOT_A_MEMBER"]);
});

const DOWN = "503 STORE_UNAVAILABLE";

for (const { what, fault, cure, cause } of [
  {
    what: "is stopped",
    fault: async () => server.signal("SIGSTOP"),
    cure: async () => server.signal("SIGCONT"),
    cause: /^mysql: (no answer within 1000 ms|connect ETIMEDOUT)$/,
  },
  {
    what: "is killed",
    fault: async () => {
      server.signal("SIGKILL");
      await server.ended();
    },
    cure: () => server.restart(),
    cause: /^mysql: /,
  },
  {
    what: "has lost a table",
    fault: ({ run }: SealTalkDatabase) => run("RENAME TABLE friendships TO gone"),
    cure: ({ run }: SealTalkDatabase) => run("RENAME TABLE gone TO friendships"),
    cause: /^mysql: .*friendships/,
  },
  {
    what: "refuses its user",
    fault: async ({ run, url }: SealTalkDatabase) => {
      const { username } = new URL(url);
      await run(`ALTER USER '${username}'@'%' ACCOUNT LOCK`);
      await run(`KILL USER '${username}'@'%'`);
    },
    cure: ({ run, url }: SealTalkDatabase) =>
      run(`ALTER USER '${new URL(url).username}'@'%' ACCOUNT UNLOCK`),
    cause: /^mysql: /,
  },
]) {
  test(`while the database ${what} that is a 503 in time, and then it serves again`, async (t) => {
    const { database, deployment, process, ask, readiness } = await serve(t);
    t.deepEqual(await ask(), ["200", "200"]);
    await fault(database);
    const [friends] = await inTime(t, ask());
    t.is(friends, DOWN);
    t.like(await inTime(t, readiness()), { code: 503, unready: ["store"] });
    t.is((await fetch(`${process.url}/misc/mobile_version`)).status, 200);
    const { error } = await process.line((line) => line.error !== undefined);
    t.regex(Object(error).cause, cause);
    const doctor = await deployment.run("doctor");
    t.is(doctor.code, 1);
    t.regex(doctor.stdout, /^store: ok\nrelationships: STORE_UNAVAILABLE, mysql: /);
    const said = JSON.stringify(process.lines) + doctor.stdout + doctor.stderr;
    t.false([PASSWORD, encodeURIComponent(PASSWORD)].some((secret) => said.includes(secret)));
    await cure(database);
    await until("it serves again", async () => (await ask()).every((result) => result === "200"));
    t.deepEqual(await readiness(), { status: "ready" });
  });
}

test("doctor finds the database well, and the command line leaves it alone", async (t) => {
  const { deployment } = await serve(t);
  t.like(await deployment.run("doctor"), {
    code: 0,
    stdout: "store: ok\nrelationships: ok\nreleases: ok\nsessions: ok\ngateway: ok\n",
  });
  for (const command of ["friends add 1 3", "friends list 1", "members remove 7 1"]) {
    t.deepEqual(await deployment.run(...command.split(" ")), {
      code: 1,
      stdout: "",
      stderr: "relationships come from MYSQL_URL, which is read only\n",
    });
  }
});

const opened = async (t: ExecutionContext, url: string): Promise<MysqlDatabase> => {
  const database = await succeed(openMysqlDatabase({ url }));
  t.teardown(database.close);
  return database;
};

/** How many connections this database's user has. */
const connectionsTo = async ({ url }: SealTalkDatabase): Promise<number> => {
  const admin = await server.connect();
  try {
    const [rows] = await admin.query<RowDataPacket[]>(
      "SELECT 1 FROM information_schema.processlist WHERE user = ?",
      [new URL(url).username],
    );
    return rows.length;
  } finally {
    await admin.end();
  }
};

/** How many sockets this process has. */
const sockets = (): number =>
  process.getActiveResourcesInfo().filter((kind) => kind === "TCPSocketWrap").length;

test("who asks a database that is stopped is answered in time, however many they are", async (t) => {
  const database = await makeSealTalkDatabase(server);
  await database.befriend(one, two);
  const before = sockets();
  const { relationships } = await opened(t, database.url);
  t.true(await succeed(relationships.areFriends(one, two)));
  server.signal("SIGSTOP");
  const answers = await inTime(
    t,
    Promise.all(Array.from({ length: 2_000 }, () => fail(relationships.areFriends(one, two)))),
  );
  t.deepEqual([...new Set(answers.map(({ cause }) => cause))].sort(), [
    "mysql: Queue limit reached.",
    "mysql: no answer within 1000 ms",
  ]);
  await until("no more are open than may be", async () => sockets() - before <= 10);
  server.signal("SIGCONT");
  const answered = (): Promise<boolean> => succeed(relationships.areFriends(one, two));
  await until("it answers again", answered);
  t.true((await connectionsTo(database)) <= 10);
});

test("what would take long is ended by the server too", async (t) => {
  const database = await makeSealTalkDatabase(server);
  const { relationships } = await opened(t, database.url);
  await database.befriend(one, two);
  await database.run("RENAME TABLE friendships TO quick");
  await database.run(
    "CREATE VIEW friendships AS SELECT userId, friendId, status + SLEEP(60) AS status FROM quick",
  );
  await inTime(t, fail(relationships.areFriends(one, two)));
  await inTime(
    t,
    until("it has ended", async () => (await connectionsTo(database)) === 0),
  );
});

test("behind a locked table nothing piles up in the server", async (t) => {
  const database = await makeSealTalkDatabase(server);
  const { relationships } = await opened(t, database.url);
  const admin = await server.connect();
  await admin.query(`LOCK TABLES ${new URL(database.url).pathname.slice(1)}.friendships WRITE`);
  for (const _ of [1, 2]) {
    await inTime(
      t,
      Promise.all(Array.from({ length: 30 }, () => fail(relationships.areFriends(one, two)))),
    );
  }
  t.false(await succeed(relationships.isMember(seven, one)));
  await until("those who waited are gone", async () => (await connectionsTo(database)) <= 10);
  await admin.end();
  t.false(await succeed(relationships.areFriends(one, two)));
});

for (const { what, behave } of [
  { what: "says nothing", behave: () => {} },
  { what: "hangs up", behave: (socket: Socket) => socket.end() },
  { what: "resets connections", behave: (socket: Socket) => socket.resetAndDestroy() },
  {
    what: "speaks HTTP",
    behave: (socket: Socket) => socket.write("HTTP/1.1 400 Bad Request\r\n\r\n"),
  },
  {
    what: "speaks another protocol in packets of the same form",
    behave: (socket: Socket) => socket.write(Buffer.from([5, 0, 0, 0, 9, 255, 255, 255, 255])),
  },
]) {
  test(`a server that ${what} is a fault in time`, async (t) => {
    const sockets = new Set<Socket>();
    const stranger = createServer((socket) => {
      sockets.add(socket);
      socket.on("error", () => {});
      behave(socket);
    });
    const port = await portOf(stranger);
    const { ready } = await opened(t, `mysql://misc:hush@127.0.0.1:${port}/sealtalk`);
    const { _tag, cause } = await inTime(t, fail(ready()));
    t.is(_tag, "STORE_UNAVAILABLE");
    t.notRegex(cause, /hush/);
    for (const socket of sockets) {
      socket.destroy();
    }
    await closeOf(stranger);
  });
}

test("a database that is closed while it is stopped lets go of its connections", async (t) => {
  const { url } = await makeSealTalkDatabase(server);
  const before = sockets();
  const database = await opened(t, url);
  await succeed(database.ready());
  server.signal("SIGSTOP");
  await database.close();
  await until("its sockets are gone", async () => sockets() === before);
  server.signal("SIGCONT");
  t.is((await fail(database.ready()))._tag, "STORE_UNAVAILABLE");
});
