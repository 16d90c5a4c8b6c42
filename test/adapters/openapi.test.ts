/** docs/openapi.yaml against what the service does: each answer that it gives, each example. */
import { readFile } from "node:fs/promises";
import * as t from "io-ts";
import { parse } from "yaml";
import { makeFetchHandler } from "../../adapters/fetch/mod.ts";
import {
  errorResponse,
  type HttpError,
  miscRoutes,
  operationRoutes,
} from "../../adapters/http/mod.ts";
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
import { test } from "../support/test.ts";

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

const gone = { cause: "x" } as const;

const ERRORS: { readonly [Tag in HttpError["_tag"]]: Extract<HttpError, { readonly _tag: Tag }> } =
  {
    INVALID_VERSION: { _tag: "INVALID_VERSION" },
    INVALID_INPUT: { _tag: "INVALID_INPUT", field: "targetId", expected: "an id" },
    UNAUTHENTICATED: { _tag: "UNAUTHENTICATED" },
    NOT_FRIENDS: { _tag: "NOT_FRIENDS" },
    NOT_A_MEMBER: { _tag: "NOT_A_MEMBER" },
    UNSUPPORTED_CONVERSATION_TYPE: { _tag: "UNSUPPORTED_CONVERSATION_TYPE" },
    NOT_FOUND: { _tag: "NOT_FOUND" },
    METHOD_NOT_ALLOWED: { _tag: "METHOD_NOT_ALLOWED", allow: "POST" },
    REQUEST_TIMEOUT: { _tag: "REQUEST_TIMEOUT" },
    PAYLOAD_TOO_LARGE: { _tag: "PAYLOAD_TOO_LARGE" },
    UNSUPPORTED_MEDIA_TYPE: { _tag: "UNSUPPORTED_MEDIA_TYPE" },
    RATE_LIMITED: { _tag: "RATE_LIMITED", retryAfter: 1 },
    INTERNAL_ERROR: { _tag: "INTERNAL_ERROR", ...gone },
    GATEWAY_REJECTED: { _tag: "GATEWAY_REJECTED", gatewayCode: 1004, cure: "operator" },
    GATEWAY_UNAVAILABLE: { _tag: "GATEWAY_UNAVAILABLE", delivery: "none", ...gone },
    STORE_UNAVAILABLE: { _tag: "STORE_UNAVAILABLE", ...gone },
    VERSIONS_UNAVAILABLE: { _tag: "VERSIONS_UNAVAILABLE", ...gone },
  };

const Example = t.type({ code: t.number, error: t.string, message: t.string });

/** Every error that the document gives as an example, wherever it does. */
const examplesIn = (value: unknown): ReadonlyArray<t.TypeOf<typeof Example>> => {
  if (Example.is(value)) {
    return [value];
  }
  return typeof value === "object" && value !== null
    ? Object.values(value).flatMap(examplesIn)
    : [];
};

const readDocument = async (): Promise<{ readonly paths: object }> =>
  parse(await readFile("docs/openapi.yaml", "utf8"));

for (const error of Object.values(ERRORS)) {
  test(`the OpenAPI document shows ${error._tag} as it is answered`, async (t) => {
    const answered = JSON.parse(errorResponse(error).body);
    const shown = examplesIn(await readDocument()).filter(
      (example) => example.error === error._tag,
    );
    t.true(shown.length > 0);
    for (const { code, message } of shown.filter((example) => !("unready" in example))) {
      t.deepEqual([code, message], [answered.code, answered.message]);
    }
  });
}

test("the OpenAPI document has every route with its method, and no others", async (t) => {
  const { misc, sessions } = await makeWorld();
  const served = [
    ...miscRoutes({ misc, sessions }),
    ...operationRoutes({
      misc,
      metrics: { contentType: "", read: async () => "" },
      openApi: async () => "",
    }),
  ].map(({ method, path }) => `${method} ${path}`);
  const { paths } = await readDocument();
  const described = Object.entries(paths).flatMap(([path, item]) =>
    Object.keys(item)
      .filter((key) => ["get", "post", "put", "patch", "delete", "options", "head"].includes(key))
      .map((method) => `${method.toUpperCase()} ${path}`),
  );
  t.deepEqual(described.sort(), [...served].sort());
});
