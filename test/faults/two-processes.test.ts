/**
 * Two real servers on one store, the first of which owns the file. A lease is eight seconds of real
 * time, so the scenarios are played side by side, and each test looks at what came of its own.
 */
import { rename } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { pipe } from "fp-ts/lib/function.js";
import * as TE from "fp-ts/lib/TaskEither.js";
import { LEASE_MS } from "../../core/domain/delivery.ts";
import { id } from "../contract/expect.ts";
import { type Deployment, postJson } from "../support/deployment.ts";
import type { FakeRongCloud } from "../support/fake-rongcloud.ts";
import { leasesIn } from "../support/leases.ts";
import { play } from "../support/play.ts";
import type { LogLine, ServerProcess } from "../support/program.ts";
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

const notAtHand = ({ msg }: LogLine): boolean => msg === "outbox not at hand";

/** A call that was under way when the owner was lost is lost too; the ones after it are not. */
const ready = async ({ url }: ServerProcess): Promise<void> => {
  while ((await fetch(`${url}/readyz`)).status !== 200) {
    // Again, at once.
  }
};

// How often the relay looks by itself, and what the contract promises.
const POLL_MS = 500;
const TAKEN_OVER_MS = 10_000;

// Less than a lease: what the other has claimed meanwhile is the owner's to take over.
const OCCUPIED_SECONDS = 6;

/** Has RongCloud ask the owner for a pause: what is stored after that, the other claims. */
const occupy = async (
  deployment: Deployment,
  owner: ServerProcess,
  other: ServerProcess,
): Promise<void> => {
  stop(other);
  deployment.rongCloud.behave({ status: 429, retryAfter: OCCUPIED_SECONDS });
  await capture(deployment, owner, "n0", "elsewhere");
  await owner.line(({ msg }) => msg === "notice postponed");
  resume(other);
};

// Less than the sender waits for an answer.
const ON_ITS_WAY_MS = 500;

/** The other is stopped while RongCloud does not answer it. */
const stoppedWhileSending = async (deployment: Deployment) => {
  const { rongCloud, start } = deployment;
  const owner = await start();
  const other = await start();
  await occupy(deployment, owner, other);
  rongCloud.behave("hang");
  const acknowledged = [await capture(deployment, other, "n1")];
  await rongCloud.whenAttempted(2);
  stop(other);
  rongCloud.behave("take");
  await rongCloud.whenTaken(2);
  // When the other wakes, its old claim meets the owner's on the next notice.
  rongCloud.behave({ delayMs: ON_ITS_WAY_MS });
  acknowledged.push(await capture(deployment, owner, "n2"));
  await rongCloud.whenTaken(3);
  resume(other);
  await other.line(ranOut);
  rongCloud.behave("take");
  acknowledged.push(await capture(deployment, other, "n3"));
  await rongCloud.whenTaken(4);
  return { acknowledged, ...(await ended(deployment, other, owner)) };
};

/** What one who listens does with an answer of the owner, before who asked hears it. */
type Ear = (line: string) => Promise<void>;

/** Stands between the owner of a store and who joins from now on; answers how to listen. */
const eavesdrop = async (dir: string): Promise<(ear: Ear) => void> => {
  const path = join(dir, "store.sock");
  const owner = join(dir, "owner.sock");
  await rename(path, owner);
  let hear: Ear = async () => {};
  const server = createServer((socket) => {
    const upstream = connect(owner);
    for (const [end, far] of [
      [socket, upstream],
      [upstream, socket],
    ] as const) {
      end.on("error", () => end.destroy()).on("close", () => far.destroy());
    }
    socket.pipe(upstream);
    createInterface(upstream).on("line", async (line) => {
      await hear(line);
      socket.write(`${line}\n`);
    });
  });
  server.unref();
  await new Promise<void>((resolve) => {
    server.listen(path, resolve);
  });
  return (ear) => {
    hear = ear;
  };
};

const isClaim = (line: string): boolean => line.includes('"leaseUntil"');

/** The other is stopped when the owner has given it a claim, and before it has heard of that. */
const stoppedBeforeItHeard = async (deployment: Deployment) => {
  const { dir, rongCloud, start } = deployment;
  const owner = await start();
  const listen = await eavesdrop(dir);
  const other = await start();
  await occupy(deployment, owner, other);
  rongCloud.behave("take");
  const claimed = new Promise<void>((resolve) => {
    listen(async (line) => {
      if (isClaim(line)) {
        stop(other);
        listen(async () => {});
        resolve();
      }
    });
  });
  const asked = capture(deployment, other, "n1");
  await claimed;
  const second = await capture(deployment, owner, "n2");
  await rongCloud.whenTaken(3);
  resume(other);
  // It looks at its clock first, or at its socket first: then it is told, or finds out, that it is late.
  await other.line((line) => ranOut(line) || notAtHand(line));
  const acknowledged = [await asked, second, await capture(deployment, other, "n3")];
  await rongCloud.whenTaken(4);
  return { acknowledged, ...(await ended(deployment, other, owner)) };
};

/** The other is stopped when it has its claim, and waits for its turn at RongCloud. */
const stoppedBeforeItsTurn = async (deployment: Deployment) => {
  const { dir, rongCloud, start, tokenFor } = deployment;
  const owner = await start();
  const listen = await eavesdrop(dir);
  const other = await start({ RONGCLOUD_GROUP_PER_SECOND: "1" });
  await occupy(deployment, owner, other);
  rongCloud.behave("take");
  const held = new Promise<() => void>((hold) => {
    listen((line) => (isClaim(line) ? new Promise((release) => hold(release)) : Promise.resolve()));
  });
  const asked = capture(deployment, other, "n1");
  const release = await held;
  listen(async () => {});
  // It claimed because there was room at RongCloud, and this takes the room: the notice has to wait.
  const message = { conversationType: "GROUP", targetId: "h", objectName: "t", content: "c" };
  const first = await postJson(other, "/misc/send_message", await tokenFor("n0"), message);
  release();
  // What comes after the claim is answered after it was heard.
  await fetch(`${other.url}/healthz`);
  stop(other);
  const second = await capture(deployment, owner, "n2");
  await rongCloud.whenTaken(4);
  resume(other);
  await other.line(ranOut);
  const third = await capture(deployment, other, "n3");
  const acknowledged = [first.status, await asked, second, third];
  await rongCloud.whenTaken(5);
  return { acknowledged, ...(await ended(deployment, other, owner)) };
};

/** The owner is killed with claims in flight. */
const ownerKilled = async (deployment: Deployment) => {
  const { dir, rongCloud, start } = deployment;
  const owner = await start();
  const other = await start();
  stop(other);
  rongCloud.behave("hang");
  const acknowledged = [
    await capture(deployment, owner, "n1"),
    await capture(deployment, owner, "n2"),
    await capture(deployment, owner, "n1", "h"),
  ];
  await rongCloud.whenAttempted(2);
  const attempts = rongCloud.attempts;
  await owner.end("SIGKILL");
  const killedAt = Date.now();
  const leases = await leasesIn(dir);
  rongCloud.behave("take");
  resume(other);
  await ready(other);
  acknowledged.push(await capture(deployment, other, "n3"));
  await rongCloud.whenTaken(4);
  return { acknowledged, killedAt, leases, before: attempts, ...(await ended(deployment, other)) };
};

/** The owner is stopped with a claim in flight, for longer than that lasts. */
const ownerStopped = async (deployment: Deployment) => {
  const { rongCloud, start } = deployment;
  const owner = await start();
  const other = await start();
  stop(other);
  rongCloud.behave("hang");
  const acknowledged = [await capture(deployment, owner, "n1")];
  await rongCloud.whenAttempted(1);
  stop(owner);
  const stoppedAt = Date.now();
  rongCloud.behave("take");
  resume(other);
  const meanwhile: number[] = [];
  while (Date.now() <= stoppedAt + LEASE_MS) {
    meanwhile.push(await capture(deployment, other, "n2"));
  }
  const before = rongCloud.attempts;
  resume(owner);
  await ready(other);
  acknowledged.push(await capture(deployment, other, "n3"));
  await rongCloud.whenTaken(2);
  return { acknowledged, meanwhile, before, ...(await ended(deployment, other, owner)) };
};

/** Ends the servers, and tells what RongCloud got and what is left. */
const ended = async (
  { rongCloud, withOutbox }: Deployment,
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
  };
};

// Below the minute that AVA waits.
const LONGEST_MS = 50_000;

/** Starts at once; whoever waits for it hears of its end, also if that was a failure before. */
const begin = <A>(scenario: (deployment: Deployment) => Promise<A>): (() => Promise<A>) => {
  const outcome = play(LONGEST_MS, async (deployment) => {
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
const beforeItHeard = begin(stoppedBeforeItHeard);
const beforeItsTurn = begin(stoppedBeforeItsTurn);
const whenKilled = begin(ownerKilled);
const whenStopped = begin(ownerStopped);

const NOTHING = { pending: 0, inFlight: 0, dead: 0 };

test("a server that was stopped past its lease while it sent a notice sends it no more", async (t) => {
  const { acknowledged, attempts, exits, left, taken } = await whileSending();
  t.deepEqual(acknowledged, [200, 200, 200]);
  t.deepEqual(taken, [["n1", "n2", "n3"], [], ["n0"]]);
  // The refusal that occupied the owner, and the attempt that was under way, came to nothing.
  t.is(attempts, 4 + 2);
  t.like(left, NOTHING);
  t.deepEqual(exits, [0, 0]);
});

test("a server that was stopped past its lease before it heard of its claim sends nothing", async (t) => {
  const { acknowledged, attempts, exits, left, taken } = await beforeItHeard();
  t.deepEqual(acknowledged, [200, 200, 200]);
  t.deepEqual(taken, [["n1", "n2", "n3"], [], ["n0"]]);
  t.is(attempts, 4 + 1);
  t.like(left, NOTHING);
  t.deepEqual(exits, [0, 0]);
});

test("a server that was stopped past its lease between its claim and its turn sends nothing", async (t) => {
  const { acknowledged, attempts, exits, left, taken } = await beforeItsTurn();
  t.deepEqual(acknowledged, [200, 200, 200, 200]);
  t.deepEqual(taken, [["n1", "n2", "n3"], ["n0"], ["n0"]]);
  t.is(attempts, 5 + 1);
  t.like(left, NOTHING);
  t.deepEqual(exits, [0, 0]);
});

test("what a killed owner had claimed is the other's within 10 seconds, none lost, in order", async (t) => {
  const { acknowledged, attempts, before, exits, killedAt, leases, left, taken } =
    await whenKilled();
  t.deepEqual(acknowledged, [200, 200, 200, 200]);
  t.deepEqual([...leases.keys()].sort(), ["group:g", "group:h"]);
  t.true([...leases.values()].every((until) => until + POLL_MS <= killedAt + TAKEN_OVER_MS));
  t.deepEqual(taken, [["n1", "n2", "n3"], ["n1"], []]);
  t.is(attempts, before + 4);
  t.like(left, NOTHING);
  t.deepEqual(exits, [0]);
});

test("while the owner is stopped nobody works, and afterwards all goes on, nothing twice", async (t) => {
  const { acknowledged, attempts, before, exits, left, meanwhile, taken } = await whenStopped();
  t.deepEqual(acknowledged, [200, 200]);
  t.deepEqual([...new Set(meanwhile)], [503]);
  t.is(before, 1);
  t.deepEqual(taken, [["n1", "n3"], [], []]);
  t.is(attempts, before + 2);
  t.like(left, NOTHING);
  t.deepEqual(exits, [0, 0]);
});
