/** docs/openapi.yaml against what the service does: each answer that it gives, each example. */
import test from "ava";
import * as t from "io-ts";
import { makeFetchHandler } from "../../adapters/fetch/mod.ts";
import { makePlainIds } from "../../adapters/ids/mod.ts";
import { makeMemoryPorts, makeMemoryStore } from "../../adapters/memory/mod.ts";
import { makeMetrics } from "../../adapters/metrics/mod.ts";
import { makeOpenApi } from "../../adapters/openapi/mod.ts";
import { createMisc } from "../../core/mod.ts";
import { id, succeed } from "../contract/expect.ts";
import { httpContract } from "../contract/http.ts";
import { makeWorld } from "../contract/world.ts";
import { casesOf } from "../support/cases.ts";
import { testCases } from "../support/contract.ts";
import { readDescription } from "../support/openapi.ts";

const description = await readDescription();

testCases(
  casesOf("described by docs/openapi.yaml", httpContract, async () => {
    const world = await makeWorld();
    const operations = { metrics: makeMetrics(world.store), openApi: makeOpenApi() };
    const handle = makeFetchHandler({ ...world, operations });
    return {
      subject: {
        ...world,
        send: async (path, init) => {
          const answer = await handle(new Request(new URL(path, "http://localhost"), init));
          const { status, headers } = answer;
          const text = await answer.clone().text();
          description.check(init?.method ?? "GET", path, { status, headers, text });
          return answer;
        },
      },
      close: async () => {},
    };
  }),
);

const Conversation = t.type({
  conversationType: t.union([t.string, t.number]),
  targetId: t.string,
});

for (const { name, method, path, body } of description.requests) {
  test(`the example of ${name} can be sent, and its answer is described`, async (t) => {
    const { sessions, tokenFor } = await makeWorld();
    const store = makeMemoryStore();
    if (Conversation.is(body)) {
      const [caller, target] = [id("1"), id(body.targetId)];
      await succeed(store.relationships.addFriends([[caller, target]]));
      await succeed(store.relationships.addMembers(target, [caller]));
    }
    const misc = createMisc(makeMemoryPorts({ ...store, ids: makePlainIds() }));
    const operations = { metrics: makeMetrics(store), openApi: makeOpenApi() };
    const answer = await makeFetchHandler({ misc, sessions, operations })(
      new Request(new URL(path, "http://localhost"), {
        method,
        headers: {
          "content-type": "application/json",
          authorization: `Bearer ${await tokenFor("1")}`,
        },
        body: body === undefined ? null : JSON.stringify(body),
      }),
    );
    const { status, headers } = answer;
    t.true(status === 200 || status === 204, String(status));
    const text = await answer.text();
    t.notThrows(() => description.check(method, path, { status, headers, text }));
  });
}

test("each example of a request or an answer is what its schema says", (t) => {
  t.true(description.requests.length >= 12);
  t.deepEqual(description.wrongExamples(), []);
});

const headers = new Headers({ "content-type": "application/json", "x-request-id": "a" });

for (const [what, status, body] of [
  ["a status without its tag", 403, { code: 403, error: "RATE_LIMITED", message: "A." }],
  ["another shape", 200, { code: 200 }],
  ["a status that no answer has", 418, { code: 418, error: "TEAPOT", message: "A." }],
] as const) {
  test(`an answer of ${what} is told from what is described`, (t) => {
    t.throws(() =>
      description.check("POST", "/misc/get_screen_capture", {
        status,
        headers,
        text: JSON.stringify(body),
      }),
    );
  });
}
