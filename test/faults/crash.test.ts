/**
 * The server killed under load, again and again, on one store. Here are few rounds; `npm run
 * test:soak` plays many. SOAK_SEED repeats what was drawn, though not what the machine made of it.
 */
import { join } from "node:path";
import { pipe } from "fp-ts/lib/function.js";
import * as TE from "fp-ts/lib/TaskEither.js";
import type { ConversationKey } from "../../core/domain/conversation.ts";
import { LEASE_MS } from "../../core/domain/delivery.ts";
import { type Deployment, postJson } from "../support/deployment.ts";
import type { Behaviour } from "../support/fake-rongcloud.ts";
import { leasesIn } from "../support/leases.ts";
import {
  type Asked,
  askUntilGone,
  type Client,
  inGroups,
  inPairs,
  type Notice,
  nameOf,
  noticeIn,
  statusSetBy,
} from "../support/load.ts";
import { play } from "../support/play.ts";
import type { ServerProcess } from "../support/program.ts";
import { integrityOf } from "../support/sql-process.ts";
import { test } from "../support/test.ts";

const ROUNDS = Number(process.env.SOAK_ROUNDS ?? 3);
const SEED = Number(process.env.SOAK_SEED ?? Date.now() % 1_000_000);
const MOST_ACKNOWLEDGED = 150;
const MOST_TAKEN = 80;

// The pace that RongCloud asks for would leave most of the load for the end.
const UNHURRIED = { RONGCLOUD_PRIVATE_PER_MINUTE: "6000000", RONGCLOUD_GROUP_PER_SECOND: "100000" };

const FAILURES: ReadonlyArray<Behaviour> = [
  "reset",
  "hang",
  { status: 500 },
  { status: 429 },
  "half a body",
  "take then reset",
];

/** What is drawn for a round. */
interface Plan {
  readonly behaviour: Behaviour;
  /** The server is killed once it has acknowledged or RongCloud has taken so many. */
  readonly acknowledged: number;
  readonly taken: number;
}

/** The life of one server. */
interface Round {
  readonly plan: Plan;
  readonly asked: ReadonlyArray<Asked>;
  readonly taken: ReadonlyArray<Notice>;
  /** The conversations that it held a claim on when it died. */
  readonly claimed: ReadonlySet<ConversationKey>;
  readonly exit: number | string;
}

/** Numbers in [0, 1) that a seed decides: mulberry32. */
function* randomNumbers(seed: number): Generator<number, never> {
  for (let state = seed; ; ) {
    state = (state + 0x6d2b79f5) | 0;
    const mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    const more = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    yield ((more ^ (more >>> 14)) >>> 0) / 2 ** 32;
  }
}

const drawPlans = (seed: number, rounds: number): ReadonlyArray<Plan> => {
  const numbers = randomNumbers(seed);
  const below = (limit: number): number => Math.floor(numbers.next().value * limit);
  return Array.from({ length: rounds }, (_, round) => ({
    behaviour: round % 2 === 0 ? "take" : (FAILURES[below(FAILURES.length)] ?? "reset"),
    acknowledged: 1 + below(MOST_ACKNOWLEDGED),
    taken: 1 + below(MOST_TAKEN),
  }));
};

// A conversation that a dead process held is left alone until the lease is over, so besides those
// that last from the first round to the last there are always new ones.
const makeClients = (most: number): ReadonlyArray<Client> => [
  ...["long-a", "long-b", "long-c"].map((name) => inGroups(name, most, most)),
  ...["short-a", "short-b", "short-c"].map((name) => inGroups(name, 10, most)),
  ...["pair-a", "pair-b", "pair-c"].map((name) => inPairs(name, most)),
];

const playRound = async (
  { anotherRongCloud, dir, start, tokenFor }: Deployment,
  clients: ReadonlyArray<Client>,
  plan: Plan,
): Promise<Round> => {
  // One for each server: nothing that a dead one has on its way is taken for the next one's.
  const rongCloud = await anotherRongCloud();
  rongCloud.behave(plan.behaviour);
  const began = Date.now();
  const server = await start({ ...UNHURRIED, RONGCLOUD_API: rongCloud.url });
  const asked: Asked[] = [];
  let acknowledged = 0;
  const kill = (): void => {
    server.child.kill("SIGKILL");
  };
  rongCloud.whenTaken(plan.taken).then(kill);
  await askUntilGone(server, tokenFor, clients, (answered) => {
    asked.push(answered);
    acknowledged += answered.outcome === "acknowledged" ? 1 : 0;
    if (acknowledged === plan.acknowledged) {
      kill();
    }
  });
  const exit = await server.end("SIGKILL");
  await rongCloud.close();
  const taken = rongCloud.taken.map(noticeIn);
  return { plan, asked, exit, taken, claimed: await claimedSince(dir, began) };
};

/** Reads from the store of a dead server what it had claimed. */
const claimedSince = async (dir: string, began: number): Promise<ReadonlySet<ConversationKey>> => {
  const leases = [...(await leasesIn(dir))];
  return new Set(
    leases.filter(([, until]) => until >= began + LEASE_MS).map(([conversation]) => conversation),
  );
};

/** The last round: RongCloud takes, and the server ends when nothing is left. */
const playLast = async (deployment: Deployment, asked: ReadonlyArray<Asked>) => {
  const { anotherRongCloud, start, withOutbox } = deployment;
  await withOutbox(({ retry }) => retry(Date.now()));
  const { pending } = await withOutbox(({ status }) => status(Date.now()));
  const rongCloud = await anotherRongCloud();
  const server = await start({ ...UNHURRIED, RONGCLOUD_API: rongCloud.url });
  await rongCloud.whenTaken(pending);
  const statuses = await statusesIn(deployment, server, asked);
  const exit = await server.end("SIGTERM");
  await rongCloud.close();
  return { pending, statuses, exit, taken: rongCloud.taken.map(noticeIn) };
};

/** The status of each conversation that somebody asked in. */
const statusesIn = async (
  { tokenFor }: Deployment,
  server: ServerProcess,
  asked: ReadonlyArray<Asked>,
): Promise<ReadonlyMap<ConversationKey, unknown>> => {
  const read = async ({ conversation, sender, target }: Asked) => {
    const token = await tokenFor(sender);
    const response = await postJson(server, "/misc/get_screen_capture", token, target);
    const { result } = JSON.parse(await response.text());
    return [conversation, result.status] as const;
  };
  const anyOfEach = new Map(asked.map((one) => [one.conversation, one]));
  return new Map(await Promise.all([...anyOfEach.values()].map(read)));
};

/** What the status may be: what was acknowledged last, or what was asked later without an answer. */
const possibleStatuses = (asked: ReadonlyArray<Asked>): ReadonlyArray<unknown> => {
  const sets = asked.filter((one) => statusSetBy(one) !== undefined);
  const last = sets.findLastIndex(({ outcome }) => outcome === "acknowledged");
  return last < 0 ? [0, ...sets.map(statusSetBy)] : sets.slice(last).map(statusSetBy);
};

interface Taking extends Notice {
  readonly round: number;
}

/** A notice that was taken once more. */
interface Repeat {
  readonly earlier: Taking;
  readonly later: Taking;
}

/** What was taken first, and what was taken once more, in one conversation. */
const split = (
  taken: ReadonlyArray<Taking>,
): { readonly firsts: ReadonlyArray<string>; readonly repeats: ReadonlyArray<Repeat> } => {
  const firsts = new Set<string>();
  const repeats: Repeat[] = [];
  let earlier: Taking | undefined;
  for (const later of taken) {
    if (earlier !== undefined && firsts.has(nameOf(later))) {
      repeats.push({ earlier, later });
    }
    firsts.add(nameOf(later));
    earlier = later;
  }
  return { firsts: [...firsts], repeats };
};

type Excuse = "ambiguous answer" | "killed in flight";

/**
 * Why something was taken once more. Only the notice at the head of a conversation can be, so the
 * taking before is of the same; and its server cannot have heard, or not have kept, that it was.
 */
const excuseFor =
  (rounds: ReadonlyArray<Round>) =>
  ({ earlier, later }: Repeat): Excuse | undefined => {
    const before = rounds[earlier.round];
    if (before === undefined || nameOf(earlier) !== nameOf(later)) {
      return undefined;
    }
    if (before.plan.behaviour === "take then reset") {
      return "ambiguous answer";
    }
    return earlier.round < later.round && before.claimed.has(earlier.conversation)
      ? "killed in flight"
      : undefined;
  };

const byConversation = <A extends Notice>(
  notices: ReadonlyArray<A>,
): ReadonlyMap<ConversationKey, ReadonlyArray<A>> => {
  const groups = new Map<ConversationKey, A[]>();
  for (const notice of notices) {
    const group = groups.get(notice.conversation);
    if (group === undefined) {
      groups.set(notice.conversation, [notice]);
    } else {
      group.push(notice);
    }
  }
  return groups;
};

const count = (numbers: ReadonlyArray<number>): number =>
  numbers.reduce((sum, one) => sum + one, 0);

const playAll = async (deployment: Deployment) => {
  const clients = makeClients(ROUNDS * (MOST_ACKNOWLEDGED + 1));
  await deployment.relate((directory) =>
    pipe(
      clients,
      TE.traverseArray(({ enrol }) => enrol(directory)),
      TE.map(() => undefined),
    ),
  );
  const rounds: Round[] = [];
  for (const plan of drawPlans(SEED, ROUNDS)) {
    // What the last round's failures postponed is to be under way again when the server dies.
    await deployment.withOutbox(({ retry }) => retry(Date.now()));
    rounds.push(await playRound(deployment, clients, plan));
  }
  const asked = rounds.flatMap((round) => round.asked);
  const last = await playLast(deployment, asked);
  const left = await deployment.withOutbox(({ status }) => status(Date.now()));
  return {
    asked,
    rounds,
    last,
    left,
    integrity: await integrityOf(join(deployment.dir, "store.db")),
  };
};

const LONGEST_MS = 45_000 + ROUNDS * 5_000;

test("a server killed under load again and again loses nothing that it acknowledged", async (t) => {
  t.timeout(LONGEST_MS + 15_000);
  t.log(`rounds: ${ROUNDS}, SOAK_SEED=${SEED}`);
  const { asked, rounds, last, left, integrity } = await play(LONGEST_MS, playAll);
  t.is(integrity, "ok");
  t.true(rounds.every(({ exit }) => exit === "SIGKILL"));
  t.is(last.exit, 0);
  t.is(last.taken.length, last.pending);
  t.like(left, { pending: 0, inFlight: 0, dead: 0 });

  const taken = byConversation(
    [...rounds, last].flatMap(({ taken }, round) => taken.map((one) => ({ ...one, round }))),
  );
  const excuses: Array<Excuse | undefined> = [];
  for (const [conversation, steps] of byConversation(asked)) {
    const { firsts, repeats } = split(taken.get(conversation) ?? []);
    const kept = new Set(firsts);
    t.deepEqual(
      firsts,
      steps.filter((step) => step.outcome === "acknowledged" || kept.has(nameOf(step))).map(nameOf),
      `${conversation}: each that was acknowledged, in the order of the requests, and no other`,
    );
    const status = last.statuses.get(conversation);
    t.true(
      possibleStatuses(steps).includes(status),
      `${conversation}: the status is ${status}, not one of ${possibleStatuses(steps)}`,
    );
    excuses.push(...repeats.map(excuseFor(rounds)));
  }
  t.true([...taken.keys()].every((conversation) => last.statuses.has(conversation)));

  const inFlight = count(rounds.map(({ claimed }) => claimed.size));
  const ambiguous = count(
    rounds
      .filter(({ plan }) => plan.behaviour === "take then reset")
      .map((round) => round.taken.length),
  );
  const tally = (excuse: Excuse | undefined): number =>
    excuses.filter((one) => one === excuse).length;
  const unanswered = asked.filter(({ outcome }) => outcome !== "acknowledged");
  t.log(
    `requests: ${asked.length}, not acknowledged: ${unanswered.length},`,
    `conversations: ${last.statuses.size}, left for the last server: ${last.pending}`,
  );
  t.log(
    `taken twice: ${tally("killed in flight")} of ${inFlight} that were in flight at a kill,`,
    `${tally("ambiguous answer")} of ${ambiguous} whose answer was lost`,
  );
  t.is(tally(undefined), 0, "taken twice without a reason");
  t.true(tally("killed in flight") <= inFlight);
  t.true(tally("ambiguous answer") <= ambiguous);
});
