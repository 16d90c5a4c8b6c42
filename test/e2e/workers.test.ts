/** One program of several processes, on one port, as clients and operators meet it. */
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { type Deployment, makeDeployment } from "../support/deployment.ts";
import { runProgram, type ServerProcess, startProgram } from "../support/program.ts";
import { startRedisServer } from "../support/redis-server.ts";
import { makeTempDir } from "../support/temp-dir.ts";
import { type ExecutionContext, test } from "../support/test.ts";
import { until } from "../support/until.ts";
import { allGone, eachWorker, type Visited, visit, withWorkers } from "../support/workers.ts";

const GROUP = { conversationType: 3, targetId: "g" };

const deploymentFor = async (
  t: ExecutionContext,
  more: Readonly<Record<string, string>> = {},
): Promise<Deployment> => {
  const deployment = await makeDeployment(undefined, more);
  t.teardown(deployment.close);
  return deployment;
};

const started = async (
  t: ExecutionContext,
  workers: number,
  more: Readonly<Record<string, string>> = {},
): Promise<{ readonly deployment: Deployment; readonly server: ServerProcess }> => {
  const deployment = await deploymentFor(t, more);
  return { deployment, server: await deployment.start({}, withWorkers(workers)) };
};

const statusIn = ({ text }: Visited): unknown => JSON.parse(text).result.status;

for (const store of ["lmdb", "redis"] as const) {
  test(`on ${store}, workers serve on one port, and each reads what another has set`, async (t) => {
    const workers = 3;
    const more: Record<string, string> = { STORE: store };
    if (store === "redis") {
      const redis = await startRedisServer();
      t.teardown(redis.close);
      more.REDIS_URL = redis.url;
    }
    const { deployment, server } = await started(t, workers, more);
    t.is((await deployment.run("members", "add", "g", "alice", "bob")).code, 0);
    const token = await deployment.tokenFor("alice");
    const agents = await eachWorker(server, workers);
    t.is(agents.size, workers);
    t.false(agents.has(server.child.pid ?? 0), "the primary serves nothing itself");
    for (const [setter, agent] of agents) {
      for (const noticeStatus of [1, 0]) {
        const body = { ...GROUP, noticeStatus };
        const set = await visit(server, "/misc/set_screen_capture", { token, body, agent });
        t.deepEqual([set.status, set.worker], [200, setter]);
        for (const [reader, its] of agents) {
          const got = await visit(server, "/misc/get_screen_capture", {
            token,
            body: GROUP,
            agent: its,
          });
          t.deepEqual([got.worker, statusIn(got)], [reader, noticeStatus]);
        }
      }
    }
    const notices = 2 * workers;
    await deployment.rongCloud.whenTaken(notices);
    t.is(await server.end("SIGTERM"), 0);
    t.is(deployment.rongCloud.taken.length, notices, "each is delivered by one of them");
    t.deepEqual(
      deployment.rongCloud.taken.map(({ form }) => JSON.parse(form.content ?? "").operation),
      Array.from({ length: workers }, () => ["openScreenNtf", "closeScreenNtf"]).flat(),
    );
    t.is(server.lines.filter(({ msg }) => msg === "listening").length, 1);
  });
}

test("RATE_LIMIT counts a user's requests in all workers together", async (t) => {
  const workers = 2;
  const { deployment, server } = await started(t, workers, { RATE_LIMIT: "4" });
  const token = await deployment.tokenFor("alice");
  const agents = [...(await eachWorker(server, workers)).values()];
  const statuses: Array<number | undefined> = [];
  for (const agent of [...agents, ...agents, ...agents]) {
    const got = await visit(server, "/misc/get_screen_capture", { token, body: GROUP, agent });
    statuses.push(got.status);
  }
  t.deepEqual(statuses, [200, 200, 200, 200, 429, 429]);
});

test("SESSION_FAILURE_LIMIT counts an address's failures in all workers together", async (t) => {
  const workers = 2;
  const { server } = await started(t, workers, {
    SESSION_FAILURE_LIMIT: "4",
    TRUSTED_PROXIES: "127.0.0.1",
  });
  const agents = [...(await eachWorker(server, workers)).values()];
  const statuses: Array<number | undefined> = [];
  for (const agent of [...agents, ...agents, ...agents]) {
    const got = await visit(server, "/misc/get_screen_capture", {
      token: "none",
      headers: { "x-forwarded-for": "192.0.2.1" },
      body: GROUP,
      agent,
    });
    statuses.push(got.status);
  }
  t.deepEqual(statuses, [401, 401, 401, 401, 429, 429]);
});

test("SEND_CONCURRENCY is for all workers together", async (t) => {
  const workers = 2;
  const { deployment, server } = await started(t, workers, { SEND_CONCURRENCY: "2" });
  const { rongCloud } = deployment;
  const token = await deployment.tokenFor("alice");
  const body = { conversationType: "GROUP", targetId: "g", objectName: "t", content: "c" };
  const agents = [...(await eachWorker(server, workers)).values()];
  rongCloud.behave("hang");
  const hanging = agents.map((agent) =>
    visit(server, "/misc/send_message", { token, body, agent }),
  );
  await rongCloud.whenAttempted(workers);
  const others = await Promise.all(
    Array.from({ length: 2 * workers }, () => visit(server, "/misc/send_message", { token, body })),
  );
  t.true(others.every(({ status }) => status === 503));
  t.is(new Set(others.map(({ worker }) => worker)).size, workers);
  t.is(rongCloud.attempts, workers, "what was refused was not sent");
  await Promise.all(hanging);
});

test("/metrics of any worker has what all have counted, and the outbox once", async (t) => {
  const workers = 3;
  const { deployment, server } = await started(t, workers);
  deployment.rongCloud.behave("hang");
  const token = await deployment.tokenFor("alice");
  await visit(server, "/misc/set_screen_capture", { token, body: { ...GROUP, noticeStatus: 1 } });
  const agents = await eachWorker(server, workers);
  for (const agent of agents.values()) {
    await visit(server, "/misc/client_version", { agent });
  }
  const served = 'route="/misc/client_version",method="GET",status="200"';
  for (const [worker, agent] of agents) {
    const { status, text, worker: by } = await visit(server, "/metrics", { agent });
    t.deepEqual([status, by], [200, worker]);
    const lines = text.split("\n");
    for (const line of [
      `sealtalk_misc_http_request_duration_seconds_count{${served}} ${workers}`,
      'sealtalk_misc_outbox_notices{state="pending"} 1',
      'sealtalk_misc_outbox_notices{state="dead"} 0',
    ]) {
      t.is(lines.filter((one) => one === line).length, 1, line);
    }
    const types = lines.filter((line) => line.startsWith("# TYPE "));
    t.is(new Set(types).size, types.length, "no metric is there twice");
  }
});

test("there is no console with several workers, and the log says so", async (t) => {
  const { server } = await started(t, 2, { MESSAGE_GATEWAY: "log" });
  t.is((await visit(server, "/console")).status, 404);
  await server.line(({ msg }) => String(msg).startsWith("there is no console"));
  t.is(server.lines.filter(({ msg }) => String(msg).startsWith("messages are only")).length, 1);
});

test("workers verify sessions under the one secret that was made for all", async (t) => {
  const workers = 3;
  const { deployment, server } = await started(t, workers, { SESSION_SECRET: "" });
  const token = (await deployment.run("token", "--user", "alice")).stdout.trim();
  for (const agent of (await eachWorker(server, workers)).values()) {
    const got = await visit(server, "/misc/get_screen_capture", { token, body: GROUP, agent });
    t.is(got.status, 200);
  }
});

const IN_FLIGHT = 6;

for (const [whom, signal] of [
  ["the primary process", "SIGTERM"],
  ["the primary process", "SIGINT"],
  ["every process", "SIGTERM"],
  ["every process", "SIGINT"],
] as const) {
  test(`workers answer what is in flight when ${signal} comes to ${whom}, and all exit`, async (t) => {
    const { deployment, server } = await started(t, 2);
    const { rongCloud } = deployment;
    const token = await deployment.tokenFor("alice");
    const body = { conversationType: "GROUP", targetId: "g", objectName: "t", content: "c" };
    rongCloud.behave({ delayMs: 500 });
    const asked = Array.from({ length: IN_FLIGHT }, () =>
      visit(server, "/misc/send_message", { token, body }),
    );
    await rongCloud.whenAttempted(IN_FLIGHT);
    const gone = allGone(server);
    if (whom === "the primary process") {
      server.child.kill(signal);
    } else {
      server.end(signal);
    }
    const answers = await Promise.all(asked);
    t.true(answers.every(({ status }) => status === 200));
    t.true(new Set(answers.map(({ worker }) => worker)).size > 1);
    await gone;
    t.is(server.child.exitCode, 0);
    t.deepEqual(
      server.lines.filter(({ msg }) => String(msg).startsWith("a worker")),
      [],
      "none was started in the place of one that stopped",
    );
  });
}

test("serve stops at once if it is told to before its workers listen", async (t) => {
  const { dir, remove } = await makeTempDir();
  t.teardown(remove);
  const child = startProgram(["serve", "--workers", "2"], { DATA_DIR: dir, PORT: "0" });
  const closed = once(child, "close");
  // The primary has made the secret by then, and starts its workers next.
  await until("the secret is made", async () => {
    return (await readFile(join(dir, "session-secret"))).length > 0;
  });
  child.kill("SIGTERM");
  t.deepEqual(await closed, [0, null]);
});

test("what is wrong with the configuration is said once, before any worker starts", async (t) => {
  const { dir, remove } = await makeTempDir();
  t.teardown(remove);
  for (const [variables, lines] of [
    [{ STORE: "memory" }, [/^STORE: expected a store that processes can share/]],
    [{ PORT: "x", LOG_LEVEL: "loud" }, [/^PORT: /, /^LOG_LEVEL: /]],
    [
      { RONGCLOUD_APP_KEY: "k", RONGCLOUD_APP_SECRET: "s", RONGCLOUD_GROUP_PER_SECOND: "2" },
      [/^RONGCLOUD_GROUP_PER_SECOND: expected at least 3, one for each worker$/],
    ],
    [{ SESSION_JWKS: join(dir, "none.json") }, [/^SESSION_JWKS: /]],
  ] as const) {
    const { code, stdout, stderr } = await runProgram(["serve", "--workers", "3"], {
      DATA_DIR: dir,
      ...variables,
    });
    const said = stderr.trim().split("\n");
    t.deepEqual([code, stdout, said.length], [78, "", lines.length], stderr);
    for (const [index, line] of lines.entries()) {
      t.regex(said[index] ?? "", line);
    }
  }
});

test("a port that is taken is said once, and exits 1", async (t) => {
  const { dir, remove } = await makeTempDir();
  t.teardown(remove);
  const taken = createServer().listen(0, "127.0.0.1");
  await once(taken, "listening");
  t.teardown(() => taken.close());
  const address = taken.address();
  const PORT = String(typeof address === "object" ? address?.port : "");
  const { code, stderr } = await runProgram(["serve", "--workers", "3"], { DATA_DIR: dir, PORT });
  t.is(code, 1);
  t.regex(stderr, /^cannot listen: .*EADDRINUSE[^\n]*\n$/);
});

test("a store that cannot be opened is said once, and exits 1", async (t) => {
  const { dir, remove } = await makeTempDir();
  t.teardown(remove);
  const file = join(dir, "file");
  await writeFile(file, "");
  const { code, stderr } = await runProgram(["serve", "--workers", "3"], {
    DATA_DIR: file,
    PORT: "0",
    SESSION_SECRET: "s".repeat(32),
  });
  t.is(code, 1);
  t.regex(stderr, /^store: the folder [^\n]* cannot be made\n$/);
});
