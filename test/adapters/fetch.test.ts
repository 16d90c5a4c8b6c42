import { once } from "node:events";
import { request } from "node:http";
import { serve } from "@hono/node-server";
import { type FetchHandlerOptions, makeFetchHandler } from "../../adapters/fetch/mod.ts";
import { makeMetrics } from "../../adapters/metrics/mod.ts";
import { makeWorld, type World } from "../contract/world.ts";
import { testCases } from "../support/contract.ts";
import { fetchCases, type Handle, type Listening, servedCases } from "../support/subjects/fetch.ts";
import { test } from "../support/test.ts";

const handlerOf = (
  { misc, sessions, store }: World,
  overrides: Partial<FetchHandlerOptions> = {},
): Handle =>
  makeFetchHandler({
    misc,
    sessions,
    operations: { metrics: makeMetrics(store), openApi: async () => '{"openapi":"3.1.0"}' },
    ...overrides,
  });

const asking = (path: string, init?: RequestInit): Request =>
  new Request(new URL(path, "http://localhost"), init);

testCases(fetchCases);

const listen = async (handle: Handle): Promise<Listening> => {
  const server = serve({ fetch: handle, hostname: "127.0.0.1", port: 0 });
  await once(server, "listening");
  const address = server.address();
  return {
    url: `http://127.0.0.1:${typeof address === "object" ? address?.port : undefined}`,
    close: async () => {
      server.close();
      await once(server, "close");
    },
  };
};

testCases(servedCases("@hono/node-server", listen));

/** A body of so many chunks of 64 KiB, and whether its reader gave it up. */
const endless = (chunks: number): { stream: ReadableStream<Uint8Array>; given: () => number } => {
  let given = 0;
  return {
    given: () => given,
    stream: new ReadableStream({
      pull: (controller) => {
        given += 1;
        controller.enqueue(new Uint8Array(64 * 1_024).fill(32));
        if (given === chunks) {
          controller.close();
        }
      },
    }),
  };
};

const posting = async (
  { tokenFor }: World,
  body: string | ReadableStream<Uint8Array> | undefined,
  signal?: AbortSignal,
): Promise<Request> =>
  new Request("http://localhost/misc/get_screen_capture", {
    method: "POST",
    headers: {
      authorization: `Bearer ${await tokenFor("1")}`,
      "content-type": "application/json",
    },
    ...(body === undefined ? {} : { body, duplex: "half" }),
    ...(signal === undefined ? {} : { signal }),
  });

const tagOf = async (response: Response): Promise<unknown> =>
  JSON.parse(await response.text()).error;

test("a streamed body is read as far as 128 KiB, and given up then", async (t) => {
  const world = await makeWorld();
  const { stream, given } = endless(1_000);
  const response = await handlerOf(world)(await posting(world, stream));
  t.is(response.status, 413);
  t.true(given() < 10, String(given()));
});

test("a body that does not arrive in time is 408, and no body is 400", async (t) => {
  const world = await makeWorld();
  const silent = new ReadableStream({ pull: () => new Promise<void>(() => {}) });
  const handle = handlerOf(world, { bodyMs: 20 });
  t.is((await handle(await posting(world, silent))).status, 408);
  t.is(await tagOf(await handle(await posting(world, undefined))), "INVALID_INPUT");
});

test("a body that was read before is told as our own fault, with the reason for the log", async (t) => {
  const world = await makeWorld();
  const errors: unknown[] = [];
  const handle = handlerOf(world, { onAnswered: ({ answer }) => errors.push(answer.error) });
  const used = await posting(world, "{}");
  await used.text();
  t.is(await tagOf(await handle(used)), "INTERNAL_ERROR");
  t.like(errors, [{ cause: "the request's body was read before it came here" }]);
});

test("a client that goes away leaves nothing behind but an answer that nobody reads", async (t) => {
  const world = await makeWorld();
  const aborting = new AbortController();
  const silent = new ReadableStream({ pull: () => aborting.abort() });
  const response = await handlerOf(world, { bodyMs: 100 })(
    await posting(world, silent, aborting.signal),
  );
  t.is(response.status, 408);
});

test("a fault of our own is a 500 that does not say what happened", async (t) => {
  const world = await makeWorld();
  const misc = { ...world.misc, mobileVersions: () => () => Promise.reject(new Error("SECRET")) };
  const told: unknown[] = [];
  const handle = handlerOf({ ...world, misc }, { onAnswered: (answered) => told.push(answered) });
  const response = await handle(asking("/misc/client_version", { method: "HEAD" }));
  t.is(response.status, 500);
  const body = await (await handle(asking("/misc/client_version"))).text();
  t.false(body.includes("SECRET"));
  t.like(told, [
    {
      method: "HEAD",
      route: "/misc/client_version",
      answer: { error: { _tag: "INTERNAL_ERROR" } },
    },
    { method: "GET" },
  ]);
});

test("without operations the routes of /misc alone are served", async (t) => {
  const { misc, sessions } = await makeWorld();
  const handle = makeFetchHandler({ misc, sessions });
  t.is((await handle(asking("/misc/client_version"))).status, 200);
  for (const path of ["/healthz", "/metrics", "/openapi.json"]) {
    t.is((await handle(asking(path))).status, 404);
  }
});

test("a body sent in chunks on a socket is bounded as one whose length is announced", async (t) => {
  const world = await makeWorld();
  const { url, close } = await listen(handlerOf(world));
  const outgoing = request(`${url}/misc/get_screen_capture`, {
    method: "POST",
    headers: {
      authorization: `Bearer ${await world.tokenFor("1")}`,
      "content-type": "application/json",
      "transfer-encoding": "chunked",
    },
  });
  outgoing.on("error", () => {});
  outgoing.write(" ".repeat(128 * 1_024));
  outgoing.write(" ");
  const [incoming] = await once(outgoing, "response");
  t.is(incoming.statusCode, 413);
  outgoing.destroy();
  await close();
});
