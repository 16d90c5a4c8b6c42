import test from "ava";
import { makeDeployment, postJson } from "../support/deployment.ts";

const CONVERSATION = { conversationType: 3, targetId: "g" };
const OPERATIONS = ["openScreenNtf", "sendScreenNtf", "closeScreenNtf", "openScreenNtf"];

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
  t.deepEqual(
    rongCloud.taken.map(({ form }) => JSON.parse(form.content ?? "").operation),
    OPERATIONS,
  );
  const response = await postJson(next, "/misc/get_screen_capture", alice, CONVERSATION);
  t.deepEqual(await response.json(), { code: 200, result: { status: 1 } });
  t.is(await next.end("SIGTERM"), 0);
});

test("a notice that RongCloud can never take does not hold up those behind it", async (t) => {
  const { rongCloud, start, tokenFor, close } = await makeDeployment();
  t.teardown(close);
  const server = await start();
  const alice = await tokenFor("alice");
  rongCloud.behave({ status: 400, code: 1002 });
  await postJson(server, "/misc/send_sc_msg", alice, CONVERSATION);
  const { outcome } = await server.line(({ msg }) => msg === "notice not delivered");
  t.deepEqual(outcome, { _tag: "BURIED", reason: "GATEWAY_REJECTED 1002" });
  rongCloud.behave("take");
  await postJson(server, "/misc/set_screen_capture", alice, { ...CONVERSATION, noticeStatus: 1 });
  await rongCloud.whenTaken(1);
  t.regex(rongCloud.taken[0]?.form.content ?? "", /openScreenNtf/);
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
