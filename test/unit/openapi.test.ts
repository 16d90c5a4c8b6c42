import { readFile } from "node:fs/promises";
import test from "ava";
import * as t from "io-ts";
import { parse } from "yaml";
import {
  errorResponse,
  type HttpError,
  miscRoutes,
  operationRoutes,
} from "../../adapters/http/mod.ts";
import { makeWorld } from "../contract/world.ts";

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
