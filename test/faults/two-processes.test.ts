/**
 * Two real servers on one store. A lease is eight seconds of real time, so the scenarios are played side by
 * side, and each test looks at the result of its own.
 */
import { join } from "node:path";
import { pipe } from "fp-ts/lib/function.js";
import * as TE from "fp-ts/lib/TaskEither.js";
import { id } from "../contract/expect.ts";
import { type Deployment, postJson } from "../support/deployment.ts";
import type { FakeRongCloud } from "../support/fake-rongcloud.ts";
import { leasesIn } from "../support/leases.ts";
import { play } from "../support/play.ts";
import type { LogLine, ServerProcess } from "../support/program.ts";
import { integrityOf } from "../support/sql-process.ts";
import { test } from "../support/test.ts";

const USERS = ["n0", "n1", "n2", "n3"];
const GROUPS = ["g", "h", "elsewhere"];

/** Has a notice sent that is told from the others by its sender. */
const capture = async (
  { tokenFor }: Deployment,
  server: ServerProcess,
  sender: string,
  group = "g",
): Promise<number> => {
  const target = { conversationType: 3, targetId: group };
  return (await postJson(server, "/misc/send_sc_msg", await tokenFor(sender), target)).status;
};

/** The senders of what RongCloud took of a group's notices, in their order. */
const takenIn = ({ taken }: FakeRongCloud, group: string): ReadonlyArray<string | undefined> =>
  taken.filter(({ form }) => form.toGroupId === group).map(({ form }) => form.fromUserId);

const stop = ({ child }: ServerProcess): void => {
  child.kill("SIGSTOP");
};

const resume = ({ child }: ServerProcess): void => {
  child.kill("SIGCONT");
};

const ranOut = ({ msg }: LogLine): boolean => /^a claim ran out/.test(String(msg));

// How often the relay looks by itself, and what the contract promises.
const POLL_MS = 500;
const TAKEN_OVER_MS = 10_000;

// Less than a lease: what the second server claims meanwhile, the first takes over afterwards.
const PAUSE_SECONDS = 6;

/** Has RongCloud ask the first server for a pause: the second claims what is stored after that. */
const pauseFirst = async (
  deployment: Deployment,
  first: ServerProcess,
  second: ServerProcess,
): Promise<void> => {
  stop(second);
  deployment.rongCloud.behave({ status: 429, retryAfter: PAUSE_SECONDS });
  await capture(deployment, first, "n0", "elsewhere");
  await first.line(({ msg }) => msg === "notice postponed");
};

// Less than the sender waits for an answer.
const ON_ITS_WAY_MS = 500;

/** The second server is stopped while RongCloud does not answer it. */
const stoppedWhileSending = async (deployment: Deployment) => {
  const { rongCloud, start } = deployment;
  const first = await start();
  const second = await start();
  await pauseFirst(deployment, first, second);
  resume(second);
  rongCloud.behave("hang");
  const acknowledged = [await capture(deployment, second, "n1")];
  await rongCloud.whenAttempted(2);
  stop(second);
  rongCloud.behave("take");
  await rongCloud.whenTaken(2);
  // When the second wakes, its old claim meets the first's claim of the next notice.
  rongCloud.behave({ delayMs: ON_ITS_WAY_MS });
  acknowledged.push(await capture(deployment, first, "n2"));
  await rongCloud.whenTaken(3);
  resume(second);
  await second.line(ranOut);
  rongCloud.behave("take");
  acknowledged.push(await capture(deployment, second, "n3"));
  await rongCloud.whenTaken(4);
  return { acknowledged, ...(await ended(deployment, second, first)) };
};

/** The first server is killed with claims in flight. */
const killedWithClaims = async (deployment: Deployment) => {
  const { dir, rongCloud, start } = deployment;
  const first = await start();
  const second = await start();
  stop(second);
  rongCloud.behave("hang");
  const acknowledged = [
    await capture(deployment, first, "n1"),
    await capture(deployment, first, "n2"),
    await capture(deployment, first, "n1", "h"),
  ];
  await rongCloud.whenAttempted(2);
  const before = rongCloud.attempts;
  await first.end("SIGKILL");
  const killedAt = Date.now();
  const leases = await leasesIn(dir);
  rongCloud.behave("take");
  resume(second);
  acknowledged.push(await capture(deployment, second, "n3"));
  await rongCloud.whenTaken(4);
  return { acknowledged, killedAt, leases, before, ...(await ended(deployment, second)) };
};

/** The first server is stopped with a claim in flight, for longer than that lasts. */
const stoppedPastItsLease = async (deployment: Deployment) => {
  const { rongCloud, start } = deployment;
  const first = await start();
  const second = await start();
  stop(second);
  rongCloud.behave("hang");
  const acknowledged = [await capture(deployment, first, "n1")];
  await rongCloud.whenAttempted(1);
  stop(first);
  rongCloud.behave("take");
  resume(second);
  acknowledged.push(await capture(deployment, second, "n2", "h"));
  await rongCloud.whenTaken(1);
  acknowledged.push(await capture(deployment, second, "n2"));
  await rongCloud.whenTaken(3);
  resume(first);
  await first.line(ranOut);
  acknowledged.push(await capture(deployment, first, "n3"));
  await rongCloud.whenTaken(4);
  return { acknowledged, ...(await ended(deployment, second, first)) };
};

/** Ends the servers, and returns what RongCloud got and what is left. */
const ended = async (
  { dir, rongCloud, withOutbox }: Deployment,
  ...servers: ReadonlyArray<ServerProcess>
) => {
  const exits: Array<number | string> = [];
  for (const { end } of servers) {
    exits.push(await end("SIGTERM"));
  }
  return {
    exits,
    attempts: rongCloud.attempts,
    taken: GROUPS.map((group) => takenIn(rongCloud, group)),
    left: await withOutbox(({ status }) => status(Date.now())),
    integrity: await integrityOf(join(dir, "store.db")),
  };
};

// Below the minute that AVA waits.
const DEADLINE_MS = 50_000;

/** Starts a scenario at once, and returns how to wait for its result. */
const begin = <A>(scenario: (deployment: Deployment) => Promise<A>): (() => Promise<A>) => {
  const outcome = play(DEADLINE_MS, async (deployment) => {
    await deployment.relate(({ addMembers }) =>
      pipe(
        GROUPS,
        TE.traverseArray((group) => addMembers(id(group), USERS.map(id))),
        TE.map(() => undefined),
      ),
    );
    return scenario(deployment);
  });
  outcome.catch(() => {});
  return () => outcome;
};

const whileSending = begin(stoppedWhileSending);
const whenKilled = begin(killedWithClaims);
const pastItsLease = begin(stoppedPastItsLease);

const NOTHING = { pending: 0, inFlight: 0, dead: 0 };

test("a server that was stopped past its lease while it sent a notice sends it no more", async (t) => {
  const { acknowledged, attempts, exits, integrity, left, taken } = await whileSending();
  t.deepEqual(acknowledged, [200, 200, 200]);
  t.deepEqual(taken, [["n1", "n2", "n3"], [], ["n0"]]);
  // Besides the four that were taken: the refusal that paused the first server, and the attempt
  // that was under way.
  t.is(attempts, 4 + 2);
  t.like(left, NOTHING);
  t.is(integrity, "ok");
  t.deepEqual(exits, [0, 0]);
});

test("a server takes over what a killed one had claimed within 10 seconds, in order", async (t) => {
  const { acknowledged, attempts, before, exits, integrity, killedAt, leases, left, taken } =
    await whenKilled();
  t.deepEqual(acknowledged, [200, 200, 200, 200]);
  t.deepEqual([...leases.keys()].sort(), ["group:g", "group:h"]);
  t.true([...leases.values()].every((until) => until + POLL_MS <= killedAt + TAKEN_OVER_MS));
  t.deepEqual(taken, [["n1", "n2", "n3"], ["n1"], []]);
  t.is(attempts, before + 4);
  t.like(left, NOTHING);
  t.is(integrity, "ok");
  t.deepEqual(exits, [0]);
});

test("a server works while another one is stopped, and afterwards nothing is sent twice", async (t) => {
  const { acknowledged, attempts, exits, integrity, left, taken } = await pastItsLease();
  t.deepEqual(acknowledged, [200, 200, 200, 200]);
  t.deepEqual(taken, [["n1", "n2", "n3"], ["n2"], []]);
  // The attempt of the stopped server, and the four that were taken.
  t.is(attempts, 1 + 4);
  t.like(left, NOTHING);
  t.is(integrity, "ok");
  t.deepEqual(exits, [0, 0]);
});
