/**
 * Everything that RongCloud can do wrong, on the real process: what the caller of send_message sees,
 * and what becomes of a notice. docs/operating.md has the same as a table.
 */
import { createServer } from "node:https";
import type { OutboxStatus } from "../../core/domain/delivery.ts";
import { id } from "../contract/expect.ts";
import { makeCertificate } from "../support/certificate.ts";
import { startDeafHost } from "../support/deaf-host.ts";
import { type Deployment, makeDeployment } from "../support/deployment.ts";
import { type Behaviour, type FakeRongCloud, listen } from "../support/fake-rongcloud.ts";
import type { ServerProcess } from "../support/program.ts";
import { type ExecutionContext, test } from "../support/test.ts";

interface Row {
  readonly behaviour: Behaviour;
  /** What the caller of send_message sees. */
  readonly answer: Readonly<Record<string, unknown>>;
  /** What becomes of a notice, and why. */
  readonly outcome: "POSTPONED" | "DEAD";
  readonly reason: string;
  /** Whether RongCloud takes the message all the same. */
  readonly taken?: true;
}

const UNAVAILABLE = { code: 503, error: "GATEWAY_UNAVAILABLE" };
const AWAY = {
  answer: { ...UNAVAILABLE, retryAfter: "1" },
  outcome: "POSTPONED",
  reason: UNAVAILABLE.error,
} as const;

const rejected = (gatewayCode: number): Pick<Row, "answer" | "reason"> => ({
  answer: { code: 502, error: "GATEWAY_REJECTED", gatewayCode, retryAfter: null },
  reason: `GATEWAY_REJECTED ${gatewayCode}`,
});

const forTheOperator = (status: number, code: number): Row => ({
  behaviour: { status, code },
  ...rejected(code),
  outcome: "POSTPONED",
});

const never = (status: number, code: number): Row => ({
  behaviour: { status, code },
  ...rejected(code),
  outcome: "DEAD",
});

const ROWS: ReadonlyArray<Row> = [
  { behaviour: "hang", ...AWAY },
  { behaviour: "reset", ...AWAY },
  { behaviour: "take then reset", ...AWAY, taken: true },
  { behaviour: "half a body", ...AWAY },
  { behaviour: "endless body", ...AWAY },
  { behaviour: "garbage", ...AWAY },
  { behaviour: { status: 500, code: 1000 }, ...AWAY },
  { behaviour: { status: 504, code: 1050 }, ...AWAY },
  { behaviour: { status: 200, code: 1000 }, ...AWAY },
  { behaviour: { status: 502 }, ...AWAY },
  { behaviour: { status: 302, location: "http://127.0.0.1:1/" }, ...AWAY },
  ...[1002, 1003, 1005].map((code) => never(400, code)),
  never(403, 2007),
  never(200, 1002),
  never(200, 20407),
  ...[1001, 1004, 1006].map((code) => forTheOperator(401, code)),
  ...[1007, 1009].map((code) => forTheOperator(430, code)),
  forTheOperator(200, 1004),
  { behaviour: { status: 404 }, ...rejected(404), outcome: "POSTPONED" },
];

const ERROR = 50;

const CONVERSATION = (targetId: string) => ({ conversationType: 3, targetId });

const MESSAGE = (targetId: string) => ({
  conversationType: "GROUP",
  targetId,
  objectName: "RC:TxtMsg",
  content: "hello",
});

const TO_BOB = { ...MESSAGE("bob"), conversationType: "PRIVATE" };

// An answer comes within 5 seconds, whatever is down: the one deadline that a test may have.
const PROMISED_MS = 5_000;

/** Sends a request and gives the answer's body with its Retry-After. */
const post = async (
  server: ServerProcess,
  path: string,
  token: string,
  body: unknown,
): Promise<Readonly<Record<string, unknown>>> => {
  const response = await fetch(`${server.url}${path}`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(PROMISED_MS),
  });
  const answer: Readonly<Record<string, unknown>> = JSON.parse(await response.text());
  return { ...answer, retryAfter: response.headers.get("retry-after") };
};

/** The messages of a conversation that RongCloud took, in their order. */
const takenIn = ({ taken }: FakeRongCloud, group: string): ReadonlyArray<unknown> =>
  taken
    .filter(({ form }) => form.toGroupId === group)
    .map(({ form }) => JSON.parse(form.content ?? "").operation ?? form.objectName);

const untilTaken = async (rongCloud: FakeRongCloud, group: string, what: string): Promise<void> => {
  while (!takenIn(rongCloud, group).includes(what)) {
    await rongCloud.whenTaken(rongCloud.taken.length + 1);
  }
};

const joinGroups = async ({ relate }: Deployment, groups: ReadonlyArray<string>): Promise<void> => {
  for (const group of groups) {
    await relate(({ addMembers }) => addMembers(id(group), [id("alice")]));
  }
};

const titleOf = ({ behaviour }: Row): string => JSON.stringify(behaviour);

/** Without what came again straight after itself. */
const withoutRepeats = (all: ReadonlyArray<unknown>): ReadonlyArray<unknown> =>
  all.filter((one, index) => one !== all[index - 1]);

/** What `outbox status` tells: a line for each notice that was tried in vain. */
const triedInVain = async ({ run }: Deployment): Promise<ReadonlyArray<string>> => {
  const { reasons }: OutboxStatus = JSON.parse((await run("outbox", "status", "--json")).stdout);
  return reasons
    .flatMap(({ state, reason, count }) =>
      Array.from({ length: count }, () => `${state.toUpperCase()} ${reason}`),
    )
    .sort();
};

const isAway = ({ reason }: Row): boolean => reason === UNAVAILABLE.error;

interface Stage {
  readonly rongCloud: FakeRongCloud;
  readonly server: ServerProcess;
  readonly alice: string;
}

/** Has RongCloud misbehave towards a message and a notice, then come to its senses. */
const meet = async (
  t: ExecutionContext,
  { rongCloud, server, alice }: Stage,
  row: Row,
  group: string,
): Promise<void> => {
  const set = async (): Promise<void> => {
    const body = { ...CONVERSATION(group), noticeStatus: 1 };
    t.like(await post(server, "/misc/set_screen_capture", alice, body), { code: 200 });
  };
  rongCloud.behave(row.behaviour);
  const { attempts } = rongCloud;
  const answer = await post(server, "/misc/send_message", alice, MESSAGE(group));
  t.like(answer, row.answer, titleOf(row));
  t.is(rongCloud.attempts, attempts + 1, titleOf(row));
  t.deepEqual(takenIn(rongCloud, group), row.taken === true ? ["RC:TxtMsg"] : [], titleOf(row));

  t.like(await post(server, "/misc/send_sc_msg", alice, CONVERSATION(group)), { code: 200 });
  const line = await server.line(({ conversation }) => conversation === `group:${group}`);
  t.like(line.outcome, { _tag: row.outcome, reason: row.reason }, titleOf(row));
  // Behind a notice that waits, but not behind a dead one, what comes next has to wait too.
  if (row.outcome === "POSTPONED") {
    await set();
  }
  rongCloud.behave("take");
  if (row.outcome === "DEAD") {
    await set();
  }
  if (isAway(row) || row.outcome === "DEAD") {
    await untilTaken(rongCloud, group, "openScreenNtf");
  }
  t.like(await post(server, "/misc/send_message", alice, MESSAGE("g")), { code: "200" });
};

/** What RongCloud has taken of a row's conversation in the end; a revived notice comes last. */
const takenAtLast = ({ outcome, taken }: Row): ReadonlyArray<string> =>
  outcome === "DEAD"
    ? ["openScreenNtf", "sendScreenNtf"]
    : [...(taken === true ? ["RC:TxtMsg"] : []), "sendScreenNtf", "openScreenNtf"];

// Three are played side by side: most of the time is spent waiting.
const LANES = 3;

// One process for many, so that each row also shows that what came before is over and done with. The
// second host is the first again: a message that went on to it would be counted twice.
const meetAll = async (t: ExecutionContext, rows: ReadonlyArray<Row>): Promise<void> => {
  const deployment = await makeDeployment();
  const { rongCloud, start, run, tokenFor, close } = deployment;
  t.teardown(close);
  const groups = rows.map((_, index) => `g${index}`);
  await joinGroups(deployment, groups);
  const server = await start({
    RONGCLOUD_API: `${rongCloud.url},${rongCloud.url}`,
    RONGCLOUD_GROUP_PER_SECOND: "1000",
  });
  const stage = { rongCloud, server, alice: await tokenFor("alice") };
  for (const [index, row] of rows.entries()) {
    await meet(t, stage, row, `g${index}`);
  }

  t.deepEqual(
    await triedInVain(deployment),
    rows
      .filter((row) => !isAway(row))
      .map(({ outcome, reason }) => `${outcome} ${reason}`)
      .sort(),
  );
  t.is((await run("outbox", "retry", "--dead")).code, 0);
  for (const group of groups) {
    await untilTaken(rongCloud, group, "sendScreenNtf");
    await untilTaken(rongCloud, group, "openScreenNtf");
  }
  t.is(await server.end("SIGTERM"), 0);
  for (const [index, row] of rows.entries()) {
    const taken = takenIn(rongCloud, `g${index}`);
    // Only what RongCloud took without a word comes again.
    t.deepEqual(row.taken === true ? withoutRepeats(taken) : taken, takenAtLast(row), titleOf(row));
  }
};

test("a RongCloud that misbehaves: what the caller sees, and what becomes of a notice", async (t) => {
  t.timeout(120_000);
  const lanes = Array.from({ length: LANES }, (_, lane) =>
    ROWS.filter((_row, index) => index % LANES === lane),
  );
  await Promise.all(lanes.map((rows) => meetAll(t, rows)));
});

const LIMITS: ReadonlyArray<readonly [Behaviour, seconds: number]> = [
  [{ status: 429, code: 1008, retryAfter: 2 }, 2],
  [{ status: 200, code: 1008, retryAfter: 2 }, 2],
  [{ status: 429 }, 1],
];

const meetLimit = async (
  t: ExecutionContext,
  behaviour: Behaviour,
  seconds: number,
): Promise<void> => {
  const title = JSON.stringify(behaviour);
  const deployment = await makeDeployment();
  const { rongCloud, anotherRongCloud, start, tokenFor, close } = deployment;
  const second = await anotherRongCloud();
  t.teardown(async () => {
    await close();
    await second.close();
  });
  await joinGroups(deployment, ["h"]);
  const server = await start({ RONGCLOUD_API: `${rongCloud.url},${second.url}` });
  const alice = await tokenFor("alice");
  const capture = async (group: string): Promise<void> => {
    t.like(await post(server, "/misc/send_sc_msg", alice, CONVERSATION(group)), { code: 200 });
  };
  rongCloud.behave(behaviour);
  const refusal = { ...UNAVAILABLE, retryAfter: String(seconds) };
  t.like(await post(server, "/misc/send_message", alice, TO_BOB), refusal, title);
  await capture("g");
  const line = await server.line(({ conversation }) => conversation === "group:g");
  t.like(line, {
    outcome: { _tag: "POSTPONED", reason: UNAVAILABLE.error },
    error: { delivery: "none", cause: "rate limit" },
  });
  // The limit is the application's: another conversation's notices wait too, and are not tried in vain.
  await capture("h");
  await capture("h");
  rongCloud.behave("take");
  await rongCloud.whenTaken(3);
  t.is(await server.end("SIGTERM"), 0);
  t.is(takenIn(rongCloud, "g").length, 1);
  t.is(takenIn(rongCloud, "h").length, 2);
  // A message and a notice were refused; the rest is what was taken.
  t.deepEqual([rongCloud.attempts, second.attempts], [2 + 3, 0], title);
};

test("a rate limit is waited out, as long as RongCloud says", async (t) => {
  await Promise.all(LIMITS.map(([behaviour, seconds]) => meetLimit(t, behaviour, seconds)));
});

/** A host that nobody vouches for. */
const startImpostor = async () => {
  let requests = 0;
  const { url, close } = await listen(
    createServer(await makeCertificate(), (_request, response) => {
      requests += 1;
      response.end('{"code":200}');
    }),
  );
  return { url, close, requests: () => requests };
};

test("what cannot be reached has nothing, and the next host is asked at once", async (t) => {
  const deployment = await makeDeployment();
  const { rongCloud, anotherRongCloud, start, tokenFor, close } = deployment;
  const impostor = await startImpostor();
  const deaf = await startDeafHost();
  t.teardown(async () => {
    await close();
    await impostor.close();
    await deaf.close();
  });
  const alice = await tokenFor("alice");
  const gone = await anotherRongCloud();
  await gone.close();
  const away = `${gone.url},${impostor.url},${deaf.url}`;
  const alone = await start({ RONGCLOUD_API: away });
  const answer = post(alone, "/misc/send_message", alice, MESSAGE("g"));
  t.like(await post(alone, "/misc/send_sc_msg", alice, CONVERSATION("g")), { code: 200 });
  const line = await alone.line(({ conversation }) => conversation === "group:g");
  t.like(line, { outcome: { _tag: "POSTPONED" }, error: { delivery: "none" } });
  t.like(await answer, AWAY.answer);
  t.deepEqual(await triedInVain(deployment), ["POSTPONED GATEWAY_UNAVAILABLE"]);
  t.is(await alone.end("SIGTERM"), 0);

  const backed = await start({ RONGCLOUD_API: `${away},${rongCloud.url}` });
  t.like(await post(backed, "/misc/send_message", alice, MESSAGE("g")), { code: "200" });
  await rongCloud.whenTaken(2);
  t.is(await backed.end("SIGTERM"), 0);
  t.deepEqual([...takenIn(rongCloud, "g")].sort(), ["RC:TxtMsg", "sendScreenNtf"]);
  t.deepEqual([impostor.requests(), rongCloud.attempts], [0, 2]);
});

const randomsIn = ({ taken }: FakeRongCloud): ReadonlyArray<string | undefined> =>
  taken.map(({ form }) => form.msgRandom);

test("with RONGCLOUD_MSG_RANDOM a doubtful message is sent again, as the same", async (t) => {
  const { rongCloud, anotherRongCloud, start, tokenFor, close } = await makeDeployment();
  const first = await anotherRongCloud();
  t.teardown(async () => {
    await close();
    await first.close();
  });
  const hosts = { RONGCLOUD_API: `${first.url},${rongCloud.url}` };
  const alice = await tokenFor("alice");
  first.behave("take then reset");
  const without = await start(hosts);
  t.like(await post(without, "/misc/send_message", alice, MESSAGE("g")), UNAVAILABLE);
  t.is(await without.end("SIGTERM"), 0);
  t.deepEqual([first, rongCloud].map(randomsIn), [[undefined], []]);

  const server = await start({ ...hosts, RONGCLOUD_MSG_RANDOM: "1" });
  t.like(await post(server, "/misc/send_message", alice, MESSAGE("g")), { code: "200" });
  const [, random] = randomsIn(first);
  t.regex(random ?? "", /^\d+$/);
  t.deepEqual(randomsIn(rongCloud), [random]);

  for (const host of [first, rongCloud]) {
    host.behave("hang");
  }
  t.like(await post(server, "/misc/send_message", alice, MESSAGE("g")), UNAVAILABLE);
  await Promise.all([first.whenAttempted(3), rongCloud.whenAttempted(2)]);
  t.is(await server.end("SIGTERM"), 0);
});

test("what is too much is refused at once, and stores go on", async (t) => {
  const { rongCloud, start, tokenFor, close } = await makeDeployment();
  t.teardown(close);
  const server = await start({ SEND_CONCURRENCY: "2" });
  const alice = await tokenFor("alice");
  rongCloud.behave("hang");
  const answered: unknown[] = [];
  const send = async (): Promise<void> => {
    const { error, retryAfter } = await post(server, "/misc/send_message", alice, MESSAGE("g"));
    answered.push([error, retryAfter]);
  };
  const hanging = [send(), send()];
  await rongCloud.whenAttempted(2);
  await send();
  t.deepEqual(answered, [["GATEWAY_UNAVAILABLE", "1"]]);
  t.is(rongCloud.attempts, 2);
  rongCloud.behave("take");
  const set = { ...CONVERSATION("g"), noticeStatus: 1 };
  t.like(await post(server, "/misc/set_screen_capture", alice, set), { code: 200 });
  t.like(await post(server, "/misc/send_sc_msg", alice, CONVERSATION("g")), { code: 200 });
  await rongCloud.whenTaken(2);
  t.is(answered.length, 1);
  await Promise.all(hanging);
  t.is(answered.length, 3);
  t.like(await post(server, "/misc/send_message", alice, MESSAGE("g")), { code: "200" });
  t.deepEqual(takenIn(rongCloud, "g"), ["openScreenNtf", "sendScreenNtf", "RC:TxtMsg"]);
  t.is(await server.end("SIGTERM"), 0);
});

test("what only the operator can cure is an error in the log and on /readyz until it is cured", async (t) => {
  const { rongCloud, start, run, tokenFor, close } = await makeDeployment();
  t.teardown(close);
  const server = await start();
  const alice = await tokenFor("alice");
  const ready = async (): Promise<readonly [number, unknown]> => {
    const response = await fetch(`${server.url}/readyz`);
    return [response.status, await response.json()];
  };
  rongCloud.behave({ status: 401, code: 1004 });
  t.like(await post(server, "/misc/send_sc_msg", alice, CONVERSATION("g")), { code: 200 });
  t.like(await server.line(({ conversation }) => conversation === "group:g"), {
    level: ERROR,
    error: { _tag: "GATEWAY_REJECTED", gatewayCode: 1004 },
  });
  const [status, body] = await ready();
  t.is(status, 503);
  t.like(body, { unready: ["gateway"] });
  const set = { ...CONVERSATION("g"), noticeStatus: 1 };
  t.like(await post(server, "/misc/set_screen_capture", alice, set), { code: 200 });
  t.like(await post(server, "/misc/get_screen_capture", alice, CONVERSATION("g")), {
    result: { status: 1 },
  });

  rongCloud.behave("take");
  t.is((await run("outbox", "retry")).code, 0);
  await rongCloud.whenTaken(2);
  t.deepEqual(takenIn(rongCloud, "g"), ["sendScreenNtf", "openScreenNtf"]);
  t.like(await post(server, "/misc/send_message", alice, TO_BOB), { code: "200" });
  t.deepEqual(await ready(), [200, { status: "ready" }]);
  t.is(await server.end("SIGTERM"), 0);
});

test("RongCloud's limits hold: messages wait a second at most, notices as long as they must", async (t) => {
  const deployment = await makeDeployment();
  const { rongCloud, start, tokenFor, close } = deployment;
  t.teardown(close);
  const groups = Array.from({ length: 4 }, (_, index) => `g${index}`);
  await joinGroups(deployment, groups);
  const server = await start({ RONGCLOUD_GROUP_PER_SECOND: "2" });
  const alice = await tokenFor("alice");
  const answers = await Promise.all(
    Array.from({ length: 6 }, () => post(server, "/misc/send_message", alice, MESSAGE("g"))),
  );
  t.deepEqual(answers.map(({ code }) => code).sort(), ["200", "200", "200", 503, 503, 503]);
  t.true(answers.every(({ code, retryAfter }) => code === "200" || Number(retryAfter) >= 1));
  for (const group of groups) {
    t.like(await post(server, "/misc/send_sc_msg", alice, CONVERSATION(group)), { code: 200 });
  }
  await rongCloud.whenTaken(7);
  t.is(await server.end("SIGTERM"), 0);
  t.is(takenIn(rongCloud, "g").length, 3);
  t.deepEqual(
    groups.map((group) => takenIn(rongCloud, group)),
    groups.map(() => ["sendScreenNtf"]),
  );
});
