/** A deployment that moves from SQLite to Redis and back, with notices that wait at each move. */
import { join } from "node:path";
import { pipe } from "fp-ts/lib/function.js";
import * as TE from "fp-ts/lib/TaskEither.js";
import { makeCounter } from "../support/counter.ts";
import { makeDeployment, postJson } from "../support/deployment.ts";
import {
  type Asked,
  ask,
  inGroups,
  inPairs,
  nameOf,
  noticeIn,
  statusSetBy,
} from "../support/load.ts";
import { runProgram } from "../support/program.ts";
import { startRedisServer } from "../support/redis-server.ts";
import { makeTempDir } from "../support/temp-dir.ts";
import { test } from "../support/test.ts";
import { until } from "../support/until.ts";

// Notices wait at each move: RongCloud takes some before it fails, and none while it does.
const UNLIMITED = { RONGCLOUD_PRIVATE_PER_MINUTE: "6000000", RONGCLOUD_GROUP_PER_SECOND: "100000" };
const STEPS = 40;
const TAKEN_BEFORE_IT_FAILS = 30;

test("a deployment moves from SQLite to Redis and back, and loses nothing", async (t) => {
  const redis = await startRedisServer();
  t.teardown(redis.close);
  const { dir, remove } = await makeTempDir();
  t.teardown(remove);
  const deployment = await makeDeployment();
  t.teardown(deployment.close);
  const { rongCloud, relate, start, tokenFor } = deployment;
  const clients = [
    ...["a", "b", "c"].map((name) => inGroups(name, 20, 3 * STEPS)),
    ...["p", "q", "r"].map((name) => inPairs(name, 3 * STEPS)),
  ];
  await relate((directory) =>
    pipe(
      clients,
      TE.traverseArray(({ enrol }) => enrol(directory)),
      TE.map(() => undefined),
    ),
  );
  const first = { STORE: "sqlite", DATA_DIR: deployment.dir };
  const second = { STORE: "redis", REDIS_URL: redis.url };
  const third = { STORE: "sqlite", DATA_DIR: join(dir, "data") };
  const asked: Asked[] = [];

  /** Serves a part of the load from a store; RongCloud fails before it is over. */
  const serve = async (store: Record<string, string>): Promise<void> => {
    const server = await start({ ...UNLIMITED, ...store });
    const answered = makeCounter();
    const load = Promise.all(
      clients.map(async ({ steps }) => {
        for (let step = 0; step < STEPS; step += 1) {
          asked.push(await ask(server, tokenFor, steps.next().value));
          answered.add();
        }
      }),
    );
    await answered.when(TAKEN_BEFORE_IT_FAILS);
    rongCloud.behave({ status: 500 });
    await load;
    t.is(await server.end("SIGTERM"), 0);
    rongCloud.behave("take");
  };

  const move = async (
    from: Record<string, string>,
    to: Record<string, string>,
  ): Promise<number> => {
    const file = join(dir, `from-${from.STORE}.jsonl`);
    const exported = await runProgram(["export", file, "--json"], from);
    t.is(exported.code, 0, exported.stderr);
    const imported = await runProgram(["import", "--store", file], to);
    t.is(imported.code, 0, imported.stderr);
    return JSON.parse(exported.stdout).notices;
  };

  for (const [from, to] of [
    [first, second],
    [second, third],
  ] as const) {
    await serve(from);
    t.true((await move(from, to)) > 0);
  }
  t.is((await runProgram(["outbox", "retry"], third)).code, 0);
  const last = await start({ ...UNLIMITED, ...third });
  const acknowledged = asked.filter(({ outcome }) => outcome === "acknowledged");
  t.is(acknowledged.length, 2 * STEPS * clients.length);
  await until("everything is delivered", async () => {
    const delivered = new Set(
      rongCloud.taken.map(noticeIn).map((one) => `${one.conversation} ${nameOf(one)}`),
    );
    return acknowledged.every((one) => delivered.has(`${one.conversation} ${nameOf(one)}`));
  });

  const taken = rongCloud.taken.map(noticeIn);
  for (const conversation of new Set(acknowledged.map((one) => one.conversation))) {
    const names = acknowledged.filter((one) => one.conversation === conversation).map(nameOf);
    const delivered = taken.filter((one) => one.conversation === conversation).map(nameOf);
    const firsts = delivered.filter((name, index) => delivered.indexOf(name) === index);
    t.deepEqual(firsts, names, `${conversation}: in the order of the requests`);
  }

  const sets = new Map(
    acknowledged
      .filter((one) => statusSetBy(one) !== undefined)
      .map((one) => [one.conversation, one] as const),
  );
  for (const one of sets.values()) {
    const token = await tokenFor(one.sender);
    const response = await postJson(last, "/misc/get_screen_capture", token, one.target);
    t.like(await response.json(), { result: { status: statusSetBy(one) } }, one.conversation);
  }
  t.is(await last.end("SIGTERM"), 0);
});
