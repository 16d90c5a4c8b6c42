/**
 * Several processes on one machine, as docs/deploy sets them up: two servers with the environment of
 * the systemd template unit, on one DATA_DIR, behind nginx with the configuration beside it.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { pipe } from "fp-ts/lib/function.js";
import * as TE from "fp-ts/lib/TaskEither.js";
import { makeCounter } from "../support/counter.ts";
import { type Deployment, makeDeployment, postJson } from "../support/deployment.ts";
import { inGroups, inPairs, nameOf, noticeIn, type Step, send } from "../support/load.ts";
import { startNginxServer } from "../support/nginx-server.ts";
import type { ServerProcess } from "../support/program.ts";
import { freePort } from "../support/redis-server.ts";
import { integrityOf } from "../support/sql-process.ts";
import { type ExecutionContext, test } from "../support/test.ts";
import { until } from "../support/until.ts";

const read = (name: string): Promise<string> => readFile(`docs/deploy/${name}`, "utf8");

/** Returns the variables that the template unit sets for one instance. */
const environmentOf = async (port: number, dir: string): Promise<Record<string, string>> => {
  const [, line = ""] = /^Environment=(.*)$/m.exec(await read("sealtalk-misc@.service")) ?? [];
  const settings = line.replace("%i", String(port)).replace("/var/lib/sealtalk-misc", dir);
  return Object.fromEntries(settings.split(" ").map((setting) => setting.split("=")));
};

// Under RongCloud's usual limits most notices would wait until the load is over.
const UNLIMITED = { RONGCLOUD_PRIVATE_PER_MINUTE: "6000000", RONGCLOUD_GROUP_PER_SECOND: "100000" };

interface Machine {
  readonly deployment: Deployment;
  /** Where nginx listens. */
  readonly front: { readonly url: string };
  readonly first: ServerProcess;
  readonly second: ServerProcess;
  /** Starts the first instance again. */
  readonly restartFirst: () => Promise<ServerProcess>;
}

const startMachine = async (t: ExecutionContext): Promise<Machine> => {
  const deployment = await makeDeployment();
  t.teardown(deployment.close);
  const [port, firstPort, secondPort] = [await freePort(), await freePort(), await freePort()];
  const start = async (at: number): Promise<ServerProcess> =>
    deployment.start({ ...UNLIMITED, ...(await environmentOf(at, deployment.dir)) });
  const first = await start(firstPort);
  const second = await start(secondPort);
  const nginx = await startNginxServer(
    (await read("nginx.conf"))
      .replace("127.0.0.1:8585", `127.0.0.1:${firstPort}`)
      .replace("127.0.0.1:8586", `127.0.0.1:${secondPort}`)
      .replace("listen 80", `listen 127.0.0.1:${port}`),
  );
  t.teardown(nginx.close);
  return {
    deployment,
    front: { url: `http://127.0.0.1:${port}` },
    first,
    second,
    restartFirst: () => start(firstPort),
  };
};

const OK = 200;
const BAD_GATEWAY = 502;
const SERVICE_UNAVAILABLE = 503;

const statusOf = async (asking: Promise<Response>): Promise<number> => (await asking).status;

test("a server that is killed between requests costs no client an error", async (t) => {
  const { deployment, front, second } = await startMachine(t);
  const token = await deployment.tokenFor("alice");
  await second.end("SIGKILL");
  for (const noticeStatus of [1, 0, 1, 0]) {
    const body = { conversationType: 3, targetId: "g", noticeStatus };
    t.is(await statusOf(postJson(front, "/misc/set_screen_capture", token, body)), OK);
  }
  await deployment.rongCloud.whenTaken(4);
});

test("nginx repeats a read that was in flight at a killed server, and no message", async (t) => {
  const { deployment, front, second } = await startMachine(t);
  const { rongCloud, tokenFor } = deployment;
  const token = await tokenFor("alice");
  const post = (path: string, body: unknown): Promise<number> =>
    statusOf(postJson(front, path, token, body));
  rongCloud.behave("hang");
  const message = { conversationType: "GROUP", targetId: "g", objectName: "t", content: "c" };
  // nginx gives each server one of two requests.
  const messages = [1, 2].map(() => post("/misc/send_message", message));
  await rongCloud.whenAttempted(2);
  second.child.kill("SIGSTOP");
  const target = { conversationType: 3, targetId: "g" };
  const reads = [1, 2].map(() => post("/misc/get_screen_capture", target));
  await Promise.any(reads);
  await second.end("SIGKILL");
  t.deepEqual(await Promise.all(reads), [OK, OK]);
  t.deepEqual((await Promise.all(messages)).sort(), [BAD_GATEWAY, SERVICE_UNAVAILABLE]);
  t.is(rongCloud.attempts, 2);
});

const ACKNOWLEDGED_BETWEEN = 100;
const MOST_STEPS = 5_000;

/** A request, and the status of its answer. */
interface Answered extends Step {
  readonly status: number | undefined;
}

test("a server killed under load costs no acknowledged notice and no order, and joins again", async (t) => {
  const { deployment, front, first, second, restartFirst } = await startMachine(t);
  const { relate, rongCloud, tokenFor, withOutbox } = deployment;
  const clients = [
    ...["a", "b", "c"].map((name) => inGroups(name, 20, MOST_STEPS)),
    ...["p", "q", "r"].map((name) => inPairs(name, MOST_STEPS)),
  ];
  await relate((directory) =>
    pipe(
      clients,
      TE.traverseArray(({ enrol }) => enrol(directory)),
      TE.map(() => undefined),
    ),
  );
  const answered: Answered[] = [];
  const acknowledged = makeCounter();
  let goesOn = true;
  const load = Promise.all(
    clients.map(async ({ steps }) => {
      for (let step = 0; goesOn && step < MOST_STEPS; step += 1) {
        const wanted = steps.next().value;
        const status = await send(front, tokenFor, wanted);
        answered.push({ ...wanted, status });
        if (status === OK) {
          acknowledged.add();
        }
      }
    }),
  );
  const more = (): Promise<void> => acknowledged.when(acknowledged.count() + ACKNOWLEDGED_BETWEEN);
  const serves = ({ line }: ServerProcess) => line(({ msg }) => msg === "request");
  await Promise.all([serves(first), serves(second), more()]);
  t.is(await first.end("SIGKILL"), "SIGKILL");
  await more();
  const again = await restartFirst();
  await Promise.all([serves(again), more()]);
  goesOn = false;
  await load;
  await until("nothing is left", async () => {
    const { pending } = await withOutbox(({ status }) => status(Date.now()));
    return pending === 0;
  });
  t.deepEqual([await again.end("SIGTERM"), await second.end("SIGTERM")], [0, 0]);
  t.is(await integrityOf(join(deployment.dir, "store.db")), "ok");

  const statuses = answered.map(({ status }) => status);
  // The other server needs nothing of the killed one: it refuses no request.
  t.true(
    statuses.every((status) => [OK, BAD_GATEWAY].includes(status ?? 0)),
    `${[...new Set(statuses)]}`,
  );
  t.true(
    statuses.filter((status) => status === BAD_GATEWAY).length <= clients.length,
    "only a request that was in flight at the killed server has no answer",
  );
  const taken = rongCloud.taken.map(noticeIn);
  for (const conversation of new Set(answered.map((one) => one.conversation))) {
    const steps = answered.filter((one) => one.conversation === conversation);
    const names = taken.filter((one) => one.conversation === conversation).map(nameOf);
    const delivered = names.filter((name, index) => names.indexOf(name) === index);
    t.deepEqual(
      delivered,
      steps.filter((step) => step.status === OK || delivered.includes(nameOf(step))).map(nameOf),
      `${conversation}: each notice that was acknowledged, in the order of the requests, and no other`,
    );
    t.true(
      names.every((name, index) => names[index - 1] === name || names.indexOf(name) === index),
      `${conversation}: only the head of a queue is delivered again`,
    );
  }
});
