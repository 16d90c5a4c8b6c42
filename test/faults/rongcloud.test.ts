/**
 * Everything that RongCloud can do wrong, on the real process: what the caller of send_message sees,
 * and what becomes of a notice. docs/operating.md has the same as a table.
 */
import { createServer } from "node:https";
import test from "ava";
import { makeCertificate } from "../support/certificate.ts";
import { type Deployment, makeDeployment } from "../support/deployment.ts";
import { id } from "../support/expect.ts";
import { type Behaviour, type FakeRongCloud, listen } from "../support/fake-rongcloud.ts";
import type { ServerProcess } from "../support/program.ts";

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
const AWAY = { answer: UNAVAILABLE, outcome: "POSTPONED", reason: UNAVAILABLE.error } as const;

const rejected = (gatewayCode: number): Pick<Row, "answer" | "reason"> => ({
  answer: { code: 502, error: "GATEWAY_REJECTED", gatewayCode },
  reason: `GATEWAY_REJECTED ${gatewayCode}`,
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
  { behaviour: { status: 502 }, ...AWAY },
  { behaviour: { status: 302, location: "http://127.0.0.1:1/" }, ...AWAY },
  ...[1001, 1004, 1006, 1007, 1009].map((code) => ({
    behaviour: { status: 401, code },
    ...rejected(code),
    outcome: "POSTPONED" as const,
  })),
  { behaviour: { status: 404 }, ...rejected(404), outcome: "POSTPONED" },
  ...[1002, 1003, 1005].map((code) => ({
    behaviour: { status: 400, code },
    ...rejected(code),
    outcome: "DEAD" as const,
  })),
  { behaviour: { status: 200, code: 2007 }, ...rejected(2007), outcome: "DEAD" },
  { behaviour: { status: 200, code: 1004 }, ...rejected(1004), outcome: "POSTPONED" },
];

const CONVERSATION = (targetId: string) => ({ conversationType: 3, targetId });

const MESSAGE = (targetId: string) => ({
  conversationType: "GROUP",
  targetId,
  objectName: "RC:TxtMsg",
  content: "hello",
});

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

// One process for all, so that each also shows that what came before is over and done with.
test("a RongCloud that misbehaves: what the caller sees, and what becomes of a notice", async (t) => {
  t.timeout(120_000);
  const deployment = await makeDeployment();
  const { rongCloud, start, run, tokenFor, close } = deployment;
  t.teardown(close);
  const groups = ROWS.map((_, index) => `g${index}`);
  await joinGroups(deployment, groups);
  const server = await start({ RONGCLOUD_GROUP_PER_SECOND: "1000" });
  const alice = await tokenFor("alice");

  for (const [index, row] of ROWS.entries()) {
    const group = `g${index}`;
    rongCloud.behave(row.behaviour);
    t.like(
      await post(server, "/misc/send_message", alice, MESSAGE(group)),
      row.answer,
      titleOf(row),
    );
    t.like(await post(server, "/misc/send_sc_msg", alice, CONVERSATION(group)), { code: 200 });
    const set = { ...CONVERSATION(group), noticeStatus: 1 };
    t.like(await post(server, "/misc/set_screen_capture", alice, set), { code: 200 });
    const line = await server.line(({ conversation }) => conversation === `group:${group}`);
    t.like(line.outcome, { _tag: row.outcome, reason: row.reason }, titleOf(row));
    rongCloud.behave("take");
    t.like(await post(server, "/misc/send_message", alice, MESSAGE("g")), { code: "200" });
    if (row.reason === UNAVAILABLE.error) {
      await untilTaken(rongCloud, group, "openScreenNtf");
    }
  }

  t.is((await run("outbox", "retry", "--dead")).code, 0);
  for (const group of groups) {
    await untilTaken(rongCloud, group, "sendScreenNtf");
    await untilTaken(rongCloud, group, "openScreenNtf");
  }
  for (const [index, row] of ROWS.entries()) {
    const notices =
      row.outcome === "DEAD"
        ? // One died after the other, or the second was taken: a revived one comes last.
          [...takenIn(rongCloud, `g${index}`)].sort()
        : takenIn(rongCloud, `g${index}`);
    t.deepEqual(
      [...new Set(notices)],
      row.outcome === "DEAD"
        ? ["openScreenNtf", "sendScreenNtf"]
        : [...(row.taken === true ? ["RC:TxtMsg"] : []), "sendScreenNtf", "openScreenNtf"],
      titleOf(row),
    );
  }
  t.is(await server.end("SIGTERM"), 0);
});

test("a rate limit is waited out, as long as RongCloud says", async (t) => {
  const { rongCloud, start, tokenFor, close } = await makeDeployment();
  t.teardown(close);
  const server = await start();
  const alice = await tokenFor("alice");
  rongCloud.behave({ status: 429, code: 1008, retryAfter: 1 });
  t.like(await post(server, "/misc/send_message", alice, MESSAGE("g")), {
    ...UNAVAILABLE,
    retryAfter: "1",
  });
  rongCloud.behave("take");
  t.like(await post(server, "/misc/send_sc_msg", alice, CONVERSATION("g")), { code: 200 });
  t.is(rongCloud.attempts, 1);
  await rongCloud.whenTaken(1);
  t.deepEqual(takenIn(rongCloud, "g"), ["sendScreenNtf"]);
  t.is(rongCloud.attempts, 2);
  t.is(await server.end("SIGTERM"), 0);
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
  const { rongCloud, anotherRongCloud, start, run, tokenFor, close } = await makeDeployment();
  const impostor = await startImpostor();
  t.teardown(async () => {
    await close();
    await impostor.close();
  });
  const alice = await tokenFor("alice");
  const gone = await anotherRongCloud();
  await gone.close();
  const away = `${gone.url},${impostor.url}`;
  const alone = await start({ RONGCLOUD_API: away });
  t.like(await post(alone, "/misc/send_message", alice, MESSAGE("g")), UNAVAILABLE);
  t.like(await post(alone, "/misc/send_sc_msg", alice, CONVERSATION("g")), { code: 200 });
  const line = await alone.line(({ conversation }) => conversation === "group:g");
  t.like(line, { outcome: { _tag: "POSTPONED" }, error: { delivery: "none" } });
  t.is(await alone.end("SIGTERM"), 0);

  const backed = await start({ RONGCLOUD_API: `${away},${rongCloud.url}` });
  t.is((await run("outbox", "retry")).code, 0);
  t.like(await post(backed, "/misc/send_message", alice, MESSAGE("g")), { code: "200" });
  await rongCloud.whenTaken(2);
  t.deepEqual([...takenIn(rongCloud, "g")].sort(), ["RC:TxtMsg", "sendScreenNtf"]);
  t.is(impostor.requests(), 0);
  t.is(await backed.end("SIGTERM"), 0);
});

test("with RONGCLOUD_MSG_RANDOM a doubtful message is sent again, as the same", async (t) => {
  const { rongCloud, anotherRongCloud, start, tokenFor, close } = await makeDeployment();
  const first = await anotherRongCloud();
  t.teardown(async () => {
    await close();
    await first.close();
  });
  const hosts = `${first.url},${rongCloud.url}`;
  const server = await start({ RONGCLOUD_API: hosts, RONGCLOUD_MSG_RANDOM: "1" });
  first.behave("take then reset");
  const alice = await tokenFor("alice");
  t.like(await post(server, "/misc/send_message", alice, MESSAGE("g")), { code: "200" });
  const [one, two] = [first.taken[0]?.form.msgRandom, rongCloud.taken[0]?.form.msgRandom];
  t.regex(one ?? "", /^\d+$/);
  t.is(one, two);
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
  t.like(await post(server, "/misc/send_sc_msg", alice, CONVERSATION("g")), { code: 200 });
  t.is(answered.length, 1);
  await Promise.all(hanging);
  t.is(answered.length, 3);
  rongCloud.behave("take");
  t.like(await post(server, "/misc/send_message", alice, MESSAGE("g")), { code: "200" });
  await rongCloud.whenTaken(2);
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
  t.deepEqual(
    groups.map((group) => takenIn(rongCloud, group)),
    groups.map(() => ["sendScreenNtf"]),
  );
  t.is(await server.end("SIGTERM"), 0);
});
