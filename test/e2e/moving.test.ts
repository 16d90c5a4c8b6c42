/**
 * docs/moving-from-sealtalk.md from one end to the other: its variables, its import and its nginx, in
 * front of the real process and of a server that stands for the old one.
 */
import { once } from "node:events";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { createServer, type IncomingHttpHeaders, type IncomingMessage, request } from "node:http";
import { join } from "node:path";
import { sampleRecords } from "../../adapters/memory/mod.ts";
import { id } from "../contract/expect.ts";
import { legacyCookie } from "../contract/legacy-cookie.ts";
import { startFakeRongCloud } from "../support/fake-rongcloud.ts";
import { startMariaDbServer } from "../support/mariadb-server.ts";
import { startNginxServer } from "../support/nginx-server.ts";
import { runProgram, startServer } from "../support/program.ts";
import { freePort } from "../support/redis-server.ts";
import { makeSealTalkDatabase } from "../support/sealtalk-database.ts";
import { makeTempDir } from "../support/temp-dir.ts";
import { test } from "../support/test.ts";
import { until } from "../support/until.ts";

const guide = await readFile("docs/moving-from-sealtalk.md", "utf8");

const blockOf = (language: string): string => {
  const [, block] = new RegExp(`\`\`\`${language}\n([\\s\\S]*?)\n\`\`\``).exec(guide) ?? [];
  if (block === undefined) {
    throw new Error(`the guide has no block of ${language}`);
  }
  return block;
};

/** The guide's environment, its own places in the place of those in it. */
const environment = (places: Readonly<Record<string, string>>): Record<string, string> => {
  const variables = Object.fromEntries(
    blockOf("ini")
      .split("\n")
      .map((line) => line.split(/=(.*)/s).slice(0, 2)),
  );
  for (const name of Object.keys(places)) {
    if (!(name in variables)) {
      throw new Error(`the guide does not set ${name}`);
    }
  }
  return { ...variables, ...places };
};

interface Answer {
  readonly status: number | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

const bodyOf = async (incoming: IncomingMessage): Promise<string> => {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) {
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
};

/** A request on a connection of its own, its path as it is written. */
const ask = async (
  port: number,
  path: string,
  { cookie, body }: { readonly cookie?: string; readonly body?: string } = {},
): Promise<Answer> => {
  const outgoing = request({
    port,
    path,
    host: "127.0.0.1",
    method: body === undefined ? "GET" : "POST",
    agent: false,
    headers: {
      "X-Request-Id": "mine",
      ...(cookie === undefined ? {} : { Cookie: cookie }),
      ...(body === undefined ? {} : { "Content-Type": "application/json" }),
    },
  });
  const incoming = await new Promise<IncomingMessage>((resolve, reject) => {
    outgoing.on("response", resolve).on("error", reject).end(body);
  });
  const { statusCode, headers } = incoming;
  return { status: statusCode, headers, body: await bodyOf(incoming) };
};

/** What stands for the old server: it says what it was asked. */
const startOldServer = async (): Promise<{ port: number; close: () => void }> => {
  const port = await freePort();
  const server = createServer(async (incoming, outgoing) => {
    const { method, url, headers } = incoming;
    outgoing.end(`old: ${method} ${url} ${headers.cookie} ${await bodyOf(incoming)}`);
  }).listen(port, "127.0.0.1");
  await once(server, "listening");
  return { port, close: () => server.close() };
};

const COOKIE = `rong_auth_cookie=${legacyCookie("cookiekey", "1", Date.now())}`;
const DESKTOP = {
  version: "2.0.0",
  url: "https://downloads.example/2.0.0.zip",
  name: "SealTalk 2.0.0",
  notes: "",
  pub_date: "2026-11-01",
};
const FRIEND_ON_WIRE = "z2mlAvb0c";
const GROUP_ON_WIRE = "c0t4mzNej";

test("a deployment moves over, keeps its users and its statuses, and goes back", async (t) => {
  const { dir, remove } = await makeTempDir();
  t.teardown(remove);
  const mariaDb = await startMariaDbServer();
  t.teardown(mariaDb.close);
  const rongCloud = await startFakeRongCloud({ appKey: "app-key", appSecret: "app-secret" });
  t.teardown(rongCloud.close);
  const oldServer = await startOldServer();
  t.teardown(oldServer.close);
  const database = await makeSealTalkDatabase(mariaDb);
  await database.befriend(id("1"), id("2"));
  await database.join(id("42"), id("1"));
  await database.run(
    "INSERT INTO screen_statuses (operateId, conversationType, status) VALUES ('1_2', 1, 1)",
  );

  // 1. Configure.
  const releases = join(dir, "releases");
  await mkdir(releases);
  await writeFile(join(releases, "desktop.json"), JSON.stringify(DESKTOP));
  await writeFile(join(releases, "mobile.json"), JSON.stringify(sampleRecords.mobile));
  const variables = environment({
    PORT: String(await freePort()),
    DATA_DIR: join(dir, "data"),
    RONGCLOUD_API: rongCloud.url,
    MYSQL_URL: database.url,
    RELEASES_DIR: releases,
  });
  const doctor = await runProgram(["doctor"], variables);
  t.is(doctor.code, 0, doctor.stdout + doctor.stderr);
  t.is((await runProgram(["releases", "check"], variables)).code, 0);

  // 2. Take over the statuses.
  const imported = await runProgram(["import", "--from-mysql", "screen_statuses"], variables);
  t.is(imported.stdout, "screen_statuses: 1 rows are stored\n");

  // 3. Point nginx at it.
  const port = await freePort();
  const server = await startServer(variables);
  t.teardown(() => server.end("SIGKILL"));
  const snippet = blockOf("nginx")
    .replace("127.0.0.1:8586", new URL(server.url).host)
    .replace("127.0.0.1:8585", `127.0.0.1:${oldServer.port}`)
    .replace("listen 80", `listen 127.0.0.1:${port}`);
  const before = snippet.replace(/ {4}location \/misc\/ \{[\s\S]*?\n {4}\}\n/, "");
  t.false(before.includes("/misc/"));
  const nginx = await startNginxServer(before);
  t.teardown(nginx.close);

  const update = "/misc/latest_update?version=1.0.0+build";
  const isOld = ({ body }: Answer): boolean => body.startsWith("old: ");
  const isNew = ({ body }: Answer): boolean => body.includes('"version":"2.0.0"');
  t.true(isOld(await ask(port, update)));

  // What is asked while nginx is switched over is answered by one or the other.
  const switchTo = async (http: string): Promise<void> => {
    let over = false;
    const asking = (async () => {
      const answers: Answer[] = [];
      while (!over) {
        answers.push(await ask(port, update));
      }
      return answers;
    })();
    await nginx.reload(http);
    over = true;
    for (const answer of await asking) {
      t.true(isOld(answer) || isNew(answer), answer.body);
    }
  };
  await switchTo(snippet);
  t.true(isNew(await ask(port, update)));

  const here = await ask(port, "/misc/get_screen_capture", {
    cookie: COOKIE,
    body: JSON.stringify({ conversationType: 1, targetId: FRIEND_ON_WIRE }),
  });
  t.is(here.body, '{"code":200,"result":{"status":1}}');
  t.is(here.headers["x-request-id"], "mine");
  const set = await ask(port, "/misc/set_screen_capture", {
    cookie: COOKIE,
    body: JSON.stringify({ conversationType: 3, targetId: GROUP_ON_WIRE, noticeStatus: 1 }),
  });
  t.is(set.body, '{"code":200}');
  await until("the notice is sent", async () => rongCloud.taken.length === 1);
  const nothing = await ask(port, "/misc/nothing");
  t.is(JSON.parse(nothing.body).error, "NOT_FOUND");
  const large = await ask(port, "/misc/send_message", {
    cookie: COOKIE,
    body: JSON.stringify({ content: "x".repeat(200 * 1_024) }),
  });
  t.is(large.status, 413);
  t.is(JSON.parse(large.body).error, "PAYLOAD_TOO_LARGE");

  // What is not /misc/ stays where it was.
  for (const path of ["/user/login", "/metrics", "/friendship/misc/all"]) {
    const answer = await ask(port, path, { cookie: COOKIE, body: "{}" });
    t.is(answer.body, `old: POST ${path} ${COOKIE} {}`);
  }

  // Going back.
  await until("nothing waits", async () => {
    const { stdout } = await runProgram(["outbox", "status"], variables);
    return stdout.startsWith("pending: 0\n");
  });
  await switchTo(before);
  t.true(isOld(await ask(port, update)));

  // Without this service the old one's routes go on.
  await switchTo(snippet);
  t.is(await server.end("SIGTERM"), 0);
  t.is((await ask(port, update)).status, 502);
  t.true(isOld(await ask(port, "/user/login")));
});
