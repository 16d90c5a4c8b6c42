/** Workers, and their primary process, that are killed and stopped. */
import { readdir, readlink, realpath } from "node:fs/promises";
import { join } from "node:path";
import { pipe } from "fp-ts/lib/function.js";
import * as TE from "fp-ts/lib/TaskEither.js";
import { type Deployment, makeDeployment } from "../support/deployment.ts";
import { type Asked, ask, inGroups, inPairs, nameOf, noticeIn } from "../support/load.ts";
import type { ServerProcess } from "../support/program.ts";
import { type ExecutionContext, test } from "../support/test.ts";
import { until } from "../support/until.ts";
import {
  allGone,
  eachWorker,
  killAndReplace,
  replacementsIn,
  visit,
  withWorkers,
} from "../support/workers.ts";

const WORKERS = 3;
const GROUP = { conversationType: 3, targetId: "g" };

const started = async (
  t: ExecutionContext,
  more: Readonly<Record<string, string>> = {},
): Promise<{ readonly deployment: Deployment; readonly server: ServerProcess }> => {
  const deployment = await makeDeployment();
  t.teardown(deployment.close);
  return { deployment, server: await deployment.start(more, withWorkers(WORKERS)) };
};

// The pace that RongCloud asks for would leave most of the load for the end.
const UNHURRIED = { RONGCLOUD_PRIVATE_PER_MINUTE: "6000000", RONGCLOUD_GROUP_PER_SECOND: "100000" };

const STEPS_BETWEEN_KILLS = 60;
const MOST_STEPS = 5_000;

test("workers killed one after the other under load lose no notice that was acknowledged, nor its order", async (t) => {
  const { deployment, server } = await started(t, UNHURRIED);
  const { rongCloud, relate, tokenFor, withOutbox } = deployment;
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
  const asked: Asked[] = [];
  let acknowledged = 0;
  let goesOn = true;
  const load = Promise.all(
    clients.map(async (client) => {
      for (let step = 0; goesOn && step < MOST_STEPS; step += 1) {
        const one = await ask(server, tokenFor, client.steps.next().value);
        asked.push(one);
        acknowledged += one.outcome === "acknowledged" ? 1 : 0;
      }
    }),
  );
  // One of the first workers owns the store, and then one of the others that were killed after it.
  const first = [...(await eachWorker(server, WORKERS)).keys()];
  for (const worker of first) {
    const next = acknowledged + STEPS_BETWEEN_KILLS;
    await until("more is acknowledged", async () => acknowledged >= next);
    await killAndReplace(server, worker);
  }
  const enough = acknowledged + STEPS_BETWEEN_KILLS;
  await until("the new workers acknowledge", async () => acknowledged >= enough);
  goesOn = false;
  await load;
  await until("nothing is left", async () => {
    await withOutbox(({ retry }) => retry(Date.now()));
    return (await withOutbox(({ status }) => status(Date.now()))).pending === 0;
  });
  t.is(await server.end("SIGTERM"), 0);
  t.deepEqual(
    server.lines
      .filter(({ msg }) => String(msg).startsWith("a worker ended"))
      .map(({ how }) => how),
    first.map(() => "SIGKILL"),
  );

  const taken = rongCloud.taken.map(noticeIn);
  for (const conversation of new Set(asked.map((one) => one.conversation))) {
    const steps = asked.filter((one) => one.conversation === conversation);
    const names = taken.filter((one) => one.conversation === conversation).map(nameOf);
    const kept = names.filter((name, index) => names.indexOf(name) === index);
    const promised = steps.filter(({ outcome }) => outcome === "acknowledged").map(nameOf);
    t.deepEqual(
      kept.filter((name) => promised.includes(name)),
      promised,
      `${conversation}: each that was acknowledged, in its order`,
    );
    t.true(
      kept.every((name) => steps.some((step) => nameOf(step) === name)),
      `${conversation}: nothing that nobody asked for`,
    );
    t.true(
      names.every((name, index) => names[index - 1] === name || names.indexOf(name) === index),
      `${conversation}: only the head of a queue is delivered again`,
    );
  }
  t.true(acknowledged >= STEPS_BETWEEN_KILLS * (WORKERS + 1));
});

/** Whether a process has a store's file open, as Linux tells. */
const opens = async (worker: number, file: string): Promise<boolean> => {
  const open = await readdir(`/proc/${worker}/fd`);
  const paths = open.map((one) => readlink(`/proc/${worker}/fd/${one}`).catch(() => ""));
  return (await Promise.all(paths)).includes(file);
};

test("one worker opens the store, and when it is killed one of the others", async (t) => {
  const { deployment, server } = await started(t);
  const file = await realpath(join(deployment.dir, "store.mdb"));
  const ownersOf = async (workers: Iterable<number>): Promise<ReadonlyArray<number>> => {
    const all = [...workers];
    const owns = await Promise.all(all.map((worker) => opens(worker, file)));
    return all.filter((_, index) => owns[index]);
  };
  const workers = [...(await eachWorker(server, WORKERS)).keys()];
  const [owner = 0, ...more] = await ownersOf(workers);
  t.deepEqual(more, []);
  t.true(workers.includes(owner));
  const replacement = await killAndReplace(server, owner);
  const next = await ownersOf([...workers.filter((one) => one !== owner), replacement]);
  t.is(next.length, 1);
});

test("a killed worker is replaced, on the same port, and what it had counted stays counted", async (t) => {
  const { server } = await started(t);
  const agents = await eachWorker(server, WORKERS);
  for (const agent of agents.values()) {
    await visit(server, "/misc/client_version", { agent });
  }
  const counted = async (): Promise<string | undefined> =>
    (await visit(server, "/metrics")).text
      .split("\n")
      .find((line) => line.includes('_seconds_count{route="/misc/client_version"'));
  const before = await counted();
  t.regex(before ?? "", / 3$/);
  const [victim = 0] = agents.keys();
  const replacement = await killAndReplace(server, victim);
  t.false(agents.has(replacement));
  const now = [...(await eachWorker(server, WORKERS)).keys()];
  const expected = [...agents.keys()].map((one) => (one === victim ? replacement : one));
  t.deepEqual(now.toSorted(), expected.toSorted());
  t.is(await counted(), before);
});

test("a worker that is asked to end finishes, exits, and is replaced", async (t) => {
  const { deployment, server } = await started(t);
  const { rongCloud, tokenFor } = deployment;
  rongCloud.behave({ delayMs: 500 });
  const [[worker, agent] = [0, undefined]] = await eachWorker(server, WORKERS);
  const asked = visit(server, "/misc/send_message", {
    token: await tokenFor("alice"),
    body: { conversationType: "GROUP", targetId: "g", objectName: "t", content: "c" },
    ...(agent === undefined ? {} : { agent }),
  });
  await rongCloud.whenAttempted(1);
  process.kill(worker, "SIGTERM");
  t.like(await asked, { status: 200, worker });
  const end = await server.line((line) => line.worker === worker);
  t.like(end, { how: "exit status 0", level: 40 });
  await server.line(() => replacementsIn(server).length === 1);
});

test("a worker that is stopped holds up neither /metrics nor the others", async (t) => {
  const { server } = await started(t);
  const [one, two] = await eachWorker(server, WORKERS);
  if (one === undefined || two === undefined) {
    return t.fail("two workers are needed");
  }
  const [stopped, its] = one;
  const [asked, agent] = two;
  await visit(server, "/misc/client_version", { agent: its });
  await visit(server, "/metrics", { agent });
  process.kill(stopped, "SIGSTOP");
  t.teardown(() => process.kill(stopped, "SIGCONT"));
  await visit(server, "/misc/client_version", { agent });
  const { status, text, worker } = await visit(server, "/metrics", { agent });
  t.deepEqual([status, worker], [200, asked]);
  t.regex(text, /_seconds_count\{route="\/misc\/client_version",[^}]*\} 2\n/);
});

test("who waits at a worker that is killed before it took the connection is hung up on", async (t) => {
  const { server } = await started(t);
  const [victim = 0] = (await eachWorker(server, WORKERS)).keys();
  process.kill(victim, "SIGSTOP");
  // Each free worker is given one of them; the one that is stopped does not take it.
  const asked = Array.from({ length: WORKERS }, () => visit(server, "/healthz"));
  await t.notThrowsAsync(Promise.any(asked));
  process.kill(victim, "SIGKILL");
  const outcomes = await Promise.allSettled(asked);
  t.is(outcomes.filter(({ status }) => status === "rejected").length, 1);
  await server.line(() => replacementsIn(server).length === 1);
});

test("when the primary process is killed, workers finish what is in flight and end", async (t) => {
  const { deployment, server } = await started(t);
  const { rongCloud, tokenFor, withOutbox } = deployment;
  const token = await tokenFor("alice");
  const body = { conversationType: "GROUP", targetId: "g", objectName: "t", content: "c" };
  const agents = [...(await eachWorker(server, WORKERS)).values()];
  rongCloud.behave({ delayMs: 500 });
  const asked = agents.map((agent) => visit(server, "/misc/send_message", { token, body, agent }));
  await rongCloud.whenAttempted(WORKERS);
  const gone = allGone(server);
  server.child.kill("SIGKILL");
  const answers = await Promise.all(asked);
  t.deepEqual(
    answers.map(({ status }) => status),
    agents.map(() => 200),
  );
  await gone;
  await t.throwsAsync(fetch(`${server.url}/healthz`));
  t.like(await withOutbox(({ status }) => status(Date.now())), { pending: 0 });
});

test("after the primary process was killed, another program takes over what was left", async (t) => {
  const { deployment, server } = await started(t);
  const { rongCloud, tokenFor, start } = deployment;
  const token = await tokenFor("alice");
  rongCloud.behave({ status: 500 });
  const body = { ...GROUP, noticeStatus: 1 };
  t.is((await visit(server, "/misc/set_screen_capture", { token, body })).status, 200);
  await rongCloud.whenAttempted(1);
  const gone = allGone(server);
  server.child.kill("SIGKILL");
  rongCloud.behave("take");
  const next = await start({}, withWorkers(WORKERS));
  await rongCloud.whenTaken(1);
  await gone;
  t.is(await next.end("SIGTERM"), 0);
});
