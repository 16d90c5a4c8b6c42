import { makeDeployment, postJson } from "../support/deployment.ts";
import type { FakeRongCloud } from "../support/fake-rongcloud.ts";
import type { ServerProcess } from "../support/program.ts";
import { test } from "../support/test.ts";

const CONVERSATION = { conversationType: 3, targetId: "g" };
const OPERATIONS = ["openScreenNtf", "sendScreenNtf", "closeScreenNtf", "openScreenNtf"];

const ERROR = 50;

const operationsOf = ({ taken }: FakeRongCloud): ReadonlyArray<unknown> =>
  taken.map(({ form }) => JSON.parse(form.content ?? "").operation);

const metricsOf = async ({ url }: ServerProcess): Promise<string> =>
  (await fetch(`${url}/metrics`)).text();

test("what a killed server has acknowledged is delivered by the next, in order", async (t) => {
  const { rongCloud, start, tokenFor, close } = await makeDeployment();
  t.teardown(close);
  rongCloud.behave("reset");
  const killed = await start();
  const alice = await tokenFor("alice");
  for (const operation of OPERATIONS) {
    const response =
      operation === "sendScreenNtf"
        ? await postJson(killed, "/misc/send_sc_msg", alice, CONVERSATION)
        : await postJson(killed, "/misc/set_screen_capture", alice, {
            ...CONVERSATION,
            noticeStatus: operation === "openScreenNtf" ? 1 : 0,
          });
    t.is(response.status, 200);
  }
  t.is(await killed.end("SIGKILL"), "SIGKILL");

  rongCloud.behave("take");
  const next = await start();
  await rongCloud.whenTaken(OPERATIONS.length);
  t.deepEqual(operationsOf(rongCloud), OPERATIONS);
  const response = await postJson(next, "/misc/get_screen_capture", alice, CONVERSATION);
  t.deepEqual(await response.json(), { code: 200, result: { status: 1 } });
  t.is(await next.end("SIGTERM"), 0);
});

test("a notice that RongCloud can never take does not hold up those behind it, and can be revived", async (t) => {
  const { rongCloud, start, run, tokenFor, close } = await makeDeployment();
  t.teardown(close);
  const server = await start();
  const alice = await tokenFor("alice");
  rongCloud.behave({ status: 400, code: 1002 });
  await postJson(server, "/misc/send_sc_msg", alice, CONVERSATION);
  const { outcome, level } = await server.line(({ msg }) => /^notice dead/.test(String(msg)));
  t.deepEqual(outcome, { _tag: "DEAD", reason: "GATEWAY_REJECTED 1002" });
  t.is(level, ERROR);
  rongCloud.behave("take");
  await postJson(server, "/misc/set_screen_capture", alice, { ...CONVERSATION, noticeStatus: 1 });
  await rongCloud.whenTaken(1);

  t.regex((await run("outbox", "status")).stdout, /^dead: 1\ndead for GATEWAY_REJECTED 1002: 1$/m);
  t.regex((await run("outbox", "dead")).stdout, /^group:g: GATEWAY_REJECTED 1002, attempts: 1, /);
  t.like(JSON.parse((await run("outbox", "dead", "--json")).stdout)[0], {
    conversation: "group:g",
    attempts: 1,
  });
  t.regex(await metricsOf(server), /^sealtalk_misc_outbox_notices\{state="dead"\} 1$/m);
  t.like(await run("outbox", "retry", "--dead"), {
    code: 0,
    stdout: "postponed notices that are due now: 0\ndead letters that are due again: 1\n",
  });
  await rongCloud.whenTaken(2);
  t.deepEqual(operationsOf(rongCloud), ["openScreenNtf", "sendScreenNtf"]);
  t.is(await server.end("SIGTERM"), 0);
});

test("an operator sees what waits, since when and why, and has it tried again", async (t) => {
  const { rongCloud, start, run, tokenFor, close } = await makeDeployment();
  t.teardown(close);
  t.is((await run("outbox", "status")).stdout, "pending: 0\nin flight: 0\ndead: 0\n");
  t.deepEqual(JSON.parse((await run("outbox", "status", "--json")).stdout), {
    pending: 0,
    inFlight: 0,
    dead: 0,
    reasons: [],
    oldest: null,
    oldestSeconds: null,
  });

  const server = await start();
  const alice = await tokenFor("alice");
  rongCloud.behave({ status: 401, code: 1006 });
  await postJson(server, "/misc/send_sc_msg", alice, CONVERSATION);
  const { level } = await server.line(({ msg }) => /operator/.test(String(msg)));
  t.is(level, ERROR);
  const stored = await postJson(server, "/misc/send_sc_msg", alice, CONVERSATION);
  t.is(stored.status, 200);
  t.like(await (await fetch(`${server.url}/readyz`)).json(), { code: 503, unready: ["gateway"] });

  const { stdout } = await run("outbox", "status", "--json");
  const { oldest, ...counts } = JSON.parse(stdout);
  t.like(counts, {
    pending: 2,
    inFlight: 0,
    reasons: [{ state: "postponed", reason: "GATEWAY_REJECTED 1006", count: 1 }],
  });
  t.false(Number.isNaN(Date.parse(oldest)));
  const metrics = await metricsOf(server);
  t.regex(metrics, /^sealtalk_misc_outbox_notices\{state="pending"\} 2$/m);
  t.regex(
    metrics,
    /^sealtalk_misc_outbox_failed_notices\{state="postponed",reason="GATEWAY_REJECTED 1006"\} 1$/m,
  );
  t.regex(metrics, /^sealtalk_misc_outbox_oldest_seconds \d/m);

  rongCloud.behave("take");
  t.is((await run("outbox", "retry")).stdout, "postponed notices that are due now: 1\n");
  await rongCloud.whenTaken(2);
  t.is(await server.end("SIGTERM"), 0);
});

test("/readyz says while the keys are wrong that the gateway takes nothing", async (t) => {
  const { rongCloud, start, tokenFor, close } = await makeDeployment();
  t.teardown(close);
  const server = await start({ RONGCLOUD_APP_SECRET: "another-secret" });
  const alice = await tokenFor("alice");
  const response = await postJson(server, "/misc/send_message", alice, {
    conversationType: "GROUP",
    targetId: "g",
    objectName: "RC:TxtMsg",
    content: "hello",
  });
  t.like(await response.json(), { code: 502, error: "GATEWAY_REJECTED", gatewayCode: 1004 });
  const ready = await fetch(`${server.url}/readyz`);
  t.like(await ready.json(), { code: 503, unready: ["gateway"] });
  t.is(rongCloud.taken.length, 0);
  t.is(await server.end("SIGTERM"), 0);
});
