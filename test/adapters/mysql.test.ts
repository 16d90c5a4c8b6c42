import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as E from "fp-ts/lib/Either.js";
import * as O from "fp-ts/lib/Option.js";
import { type MysqlDatabase, openMysqlDatabase, parseMysqlUrl } from "../../adapters/mysql/mod.ts";
import type { GroupProfile } from "../../core/domain/demo-square.ts";
import { fail, id, succeed } from "../contract/expect.ts";
import { groupProfilesContract } from "../contract/group-profiles.ts";
import { relationshipsContract } from "../contract/relationships.ts";
import { makeCertificate } from "../support/certificate.ts";
import { testContract } from "../support/contract.ts";
import { startMariaDbServer } from "../support/mariadb-server.ts";
import { makeSealTalkDatabase, PASSWORD } from "../support/sealtalk-database.ts";
import { makeTempDir } from "../support/temp-dir.ts";
import { type ExecutionContext, test } from "../support/test.ts";

const { dir, remove } = await makeTempDir();
const [keyFile, certFile] = [join(dir, "key.pem"), join(dir, "cert.pem")];
const { key, cert } = await makeCertificate({ host: "localhost" });
await Promise.all([writeFile(keyFile, key), writeFile(certFile, cert)]);

const server = await startMariaDbServer(`--ssl-cert=${certFile}`, `--ssl-key=${keyFile}`);
test.after.always(async () => {
  await server.close();
  await remove();
});

const openDatabase = (url: string): Promise<MysqlDatabase> => succeed(openMysqlDatabase({ url }));

const opened = async (t: ExecutionContext, url: string): Promise<MysqlDatabase> => {
  const database = await openDatabase(url);
  t.teardown(database.close);
  return database;
};

testContract("mysql relationships", relationshipsContract, async () => {
  const { url, ...acquaintances } = await makeSealTalkDatabase(server);
  const { relationships, close } = await openDatabase(url);
  return { subject: { relationships, ...acquaintances }, close };
});

testContract("mysql groups", groupProfilesContract, async () => {
  const { url, run } = await makeSealTalkDatabase(server);
  const { groups, close } = await openDatabase(url);
  const put = async (
    group: string,
    { name, portraitUri, memberCount, maxMemberCount }: GroupProfile,
  ) => {
    await run(
      `INSERT INTO \`groups\` (id, name, portraitUri, memberCount, maxMemberCount, creatorId)
        VALUES (${group}, '${name}', '${portraitUri}', ${memberCount}, ${maxMemberCount}, 1)`,
    );
  };
  return { subject: { groups, put }, close };
});

const [one, two] = [id("1"), id("2")];

test("a friendship holds while both say so", async (t) => {
  const { url, say } = await makeSealTalkDatabase(server);
  const { relationships } = await opened(t, url);
  const bothWays = async (): Promise<ReadonlyArray<boolean>> => [
    await succeed(relationships.areFriends(one, two)),
    await succeed(relationships.areFriends(two, one)),
  ];
  await say("1", "2", 20);
  t.deepEqual(await bothWays(), [false, false]);
  // Whatever else one side may say: asked, was asked, ignored, removed, blocked.
  for (const status of [10, 11, 21, 30, 31]) {
    await say("2", "1", status);
    t.deepEqual(await bothWays(), [false, false], String(status));
  }
  await say("2", "1", 20);
  t.deepEqual(await bothWays(), [true, true]);
});

test("the largest id of the tables is one, the next is nobody's", async (t) => {
  const { url, befriend } = await makeSealTalkDatabase(server);
  const { relationships } = await opened(t, url);
  await befriend(one, id("4294967295"));
  t.true(await succeed(relationships.areFriends(one, id("4294967295"))));
  t.false(await succeed(relationships.areFriends(one, id("4294967296"))));
  t.false(await succeed(relationships.areFriends(one, id("9".repeat(64)))));
});

test("many questions at once are all answered", async (t) => {
  const { url, befriend } = await makeSealTalkDatabase(server);
  const { relationships } = await opened(t, url);
  await befriend(one, two);
  const answers = await Promise.all(
    Array.from({ length: 500 }, (_, index) =>
      succeed(relationships.areFriends(one, id(String(index + 2)))),
    ),
  );
  t.deepEqual(
    answers,
    answers.map((_, index) => index === 0),
  );
});

test("more groups are read than one statement asks for", async (t) => {
  const { url, run } = await makeSealTalkDatabase(server);
  const { groups } = await opened(t, url);
  await run(
    `INSERT INTO \`groups\` (id, name, portraitUri, memberCount, maxMemberCount, creatorId)
      VALUES (7, 'Team', '', 2, 3000, 1), (118, 'Late', '', 0, 500, 1)`,
  );
  const many = Array.from({ length: 120 }, (_, index) => id(String(index + 1)));
  t.deepEqual([...(await succeed(groups.profilesOf(many))).keys()], ["7", "118"]);
  await run("RENAME TABLE `groups` TO gone");
  t.regex((await fail(groups.profilesOf([id("7")]))).cause, /groups/);
});

test("the rights of docs/operating.md suffice, and each is needed", async (t) => {
  const { url, run } = await makeSealTalkDatabase(server);
  const { ready } = await opened(t, url);
  await succeed(ready());
  const { user, database } = await succeed(async () => parseMysqlUrl(url));
  for (const [columns, table] of [
    ["friendId", "friendships"],
    ["status", "friendships"],
    ["groupId", "group_members"],
    ["isDeleted", "group_members"],
  ]) {
    const right = `SELECT (${columns}) ON ${database}.${table}`;
    await run(`REVOKE ${right} FROM '${user}'@'%'`);
    t.regex((await fail(ready())).cause, /command denied/);
    await run(`GRANT ${right} TO '${user}'@'%'`);
  }
  await succeed(ready());
});

test("whoever is refused, or finds no table, is told so, and never a password", async (t) => {
  const { url, run } = await makeSealTalkDatabase(server);
  const wrong = new URL(url);
  wrong.password = "hush";
  const elsewhere = new URL(url);
  elsewhere.pathname = "/nowhere";
  for (const [address, cause] of [
    [wrong, /^mysql: Access denied for user/],
    [elsewhere, /^mysql: Access denied for user/],
    [new URL("mysql://misc:hush@127.0.0.1:1/sealtalk"), /^mysql: connect ECONNREFUSED/],
    [new URL("mysql://misc:hush@localhost:1/sealtalk"), /^mysql: .*ECONNREFUSED/],
  ] as const) {
    const { ready, close } = await openDatabase(address.href);
    const fault = await fail(ready());
    t.is(fault._tag, "STORE_UNAVAILABLE");
    t.regex(fault.cause, cause);
    t.false([PASSWORD, "hush"].some((secret) => fault.cause.includes(secret)));
    await close();
  }
  const { ready, relationships } = await opened(t, url);
  await succeed(ready());
  await run("RENAME TABLE group_members TO elsewhere");
  t.regex((await fail(ready())).cause, /group_members/);
  t.regex((await fail(relationships.isMember(one, two))).cause, /group_members/);
  t.false(await succeed(relationships.areFriends(one, two)));
  await run("RENAME TABLE elsewhere TO group_members");
  await succeed(ready());
});

test("a database that was closed answers no more", async (t) => {
  const { url } = await makeSealTalkDatabase(server);
  const { ready, close } = await openDatabase(url);
  await succeed(ready());
  await close();
  t.is((await fail(ready()))._tag, "STORE_UNAVAILABLE");
});

test("TLS goes as far as ssl-mode says", async (t) => {
  const [{ url, run }, { url: open }] = [
    await makeSealTalkDatabase(server),
    await makeSealTalkDatabase(server),
  ];
  const { user } = await succeed(async () => parseMysqlUrl(url));
  await run(`ALTER USER '${user}'@'%' REQUIRE SSL`);
  const byName = url.replace("127.0.0.1", "localhost");
  const strangers = join(dir, "strangers.pem");
  await writeFile(strangers, (await makeCertificate({ host: "localhost" })).cert);
  const connects = async (address: string): Promise<boolean> => {
    const { ready, close } = await openDatabase(address);
    const answer = await ready()();
    await close();
    return E.isRight(answer);
  };
  for (const [address, expected] of [
    [url, false],
    [`${url}?ssl-mode=DISABLED`, false],
    [`${open}?ssl-mode=DISABLED`, true],
    [`${url}?ssl-mode=REQUIRED`, true],
    [`${url}?ssl-mode=VERIFY_CA`, false],
    [`${url}?ssl-mode=VERIFY_CA&ssl-ca=${certFile}`, true],
    [`${url}?ssl-mode=VERIFY_CA&ssl-ca=${strangers}`, false],
    [`${byName}?ssl-mode=VERIFY_IDENTITY`, false],
    [`${byName}?ssl-mode=verify_identity&ssl-ca=${certFile}`, true],
    [`${byName}?ssl-mode=VERIFY_IDENTITY&ssl-ca=${strangers}`, false],
  ] as const) {
    t.is(await connects(address), expected, address);
  }
  // Another certificate, which is good for the address and not for the name.
  const next = await makeCertificate();
  await Promise.all([writeFile(keyFile, next.key), writeFile(certFile, next.cert)]);
  await run("FLUSH SSL");
  t.true(await connects(`${byName}?ssl-mode=VERIFY_CA&ssl-ca=${certFile}`));
  t.false(await connects(`${byName}?ssl-mode=VERIFY_IDENTITY&ssl-ca=${certFile}`));
});

test("a file of ssl-ca that cannot serve is a fault that does not name it", async (t) => {
  const url = "mysql://misc:hush@db.example/sealtalk?ssl-mode=VERIFY_CA&ssl-ca=";
  for (const path of [join(dir, "hush.pem"), keyFile, dir]) {
    const { expected } = await fail(openMysqlDatabase({ url: `${url}${path}` }));
    t.is(expected, "ssl-ca to name a file of certificates, as PEM");
  }
});

test("parseMysqlUrl() reads an address, each part decoded", (t) => {
  t.deepEqual(
    parseMysqlUrl("mysql://mi%73c:p%40ss%3A%2F@[::1]:3307/seal%20talk?ssl-mode=required"),
    E.right({
      host: "::1",
      port: 3_307,
      user: "misc",
      password: "p@ss:/",
      database: "seal talk",
      sslMode: "REQUIRED",
      sslCa: O.none,
    }),
  );
  t.deepEqual(
    parseMysqlUrl("mysql://misc@db.example/sealtalk?ssl-ca=%2Fetc%2Fca.pem&ssl-mode=VERIFY_CA"),
    E.right({
      host: "db.example",
      port: 3_306,
      user: "misc",
      password: "",
      database: "sealtalk",
      sslMode: "VERIFY_CA",
      sslCa: O.some("/etc/ca.pem"),
    }),
  );
});

const AT = "mysql://misc:hush@db.example";

for (const [url, expected] of [
  ["db.example/sealtalk", /^mysql:/],
  ["postgres://misc:hush@db.example/sealtalk", /^mysql:/],
  [`${AT}`, /^mysql:/],
  [`${AT}/`, /^mysql:/],
  [`${AT}/a/b`, /^mysql:/],
  [`${AT}:0/sealtalk`, /^mysql:/],
  [`${AT}:port/sealtalk`, /^mysql:/],
  [`${AT}/sealtalk#part`, /^mysql:/],
  [` ${AT}/sealtalk`, /^mysql:/],
  ["mysql://misc:hu%sh@db.example/sealtalk", /^mysql:/],
  ["mysql://db.example/sealtalk", /^mysql:/],
  ["mysql:///sealtalk", /^mysql:/],
  [`${AT}/sealtalk?sslmode=REQUIRED`, /^nothing after the \?/],
  [`${AT}/sealtalk?charset=hush`, /^nothing after the \?/],
  [`${AT}/sealtalk?ssl-mode=REQUIRED&ssl-mode=DISABLED`, /^nothing after the \?/],
  [`${AT}/sealtalk?ssl-mode=PREFERRED`, /^an ssl-mode of DISABLED, REQUIRED/],
  [`${AT}/sealtalk?ssl-mode=`, /^an ssl-mode of/],
  [`${AT}/sealtalk?ssl-ca=/hush`, /^ssl-ca to be a path, with an ssl-mode/],
  [`${AT}/sealtalk?ssl-ca=/hush&ssl-mode=REQUIRED`, /^ssl-ca to be a path, with an ssl-mode/],
  [`${AT}/sealtalk?ssl-ca=&ssl-mode=VERIFY_CA`, /^ssl-ca to be a path/],
  ["mysql://misc:hush@10.0.0.1/sealtalk?ssl-mode=VERIFY_IDENTITY", /^the name of a host/],
  ["mysql://misc:hush@[::1]/sealtalk?ssl-mode=VERIFY_IDENTITY", /^the name of a host/],
] as const) {
  test(`parseMysqlUrl() refuses ${url}`, (t) => {
    const read = parseMysqlUrl(url);
    t.regex(E.isLeft(read) ? read.left.expected : "", expected);
    t.notRegex(JSON.stringify(read), /hush/);
  });
}
