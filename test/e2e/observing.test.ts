/** What a request leaves behind for whoever watches the service: its log line, and its trace. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import * as t from "io-ts";
import { makeDeployment, postJson } from "../support/deployment.ts";
import { MAIN } from "../support/program.ts";
import { test } from "../support/test.ts";
import { until } from "../support/until.ts";

const Attribute = t.type({
  key: t.string,
  value: t.partial({ stringValue: t.string, intValue: t.union([t.number, t.string]) }),
});
const Span = t.intersection([
  t.type({ traceId: t.string, spanId: t.string, name: t.string, attributes: t.array(Attribute) }),
  t.partial({ parentSpanId: t.string }),
]);
const Traces = t.type({
  resourceSpans: t.array(
    t.type({
      resource: t.type({ attributes: t.array(Attribute) }),
      scopeSpans: t.array(t.type({ spans: t.array(Span) })),
    }),
  ),
});

/** A collector that takes traces as JSON. */
const startCollector = async (): Promise<{
  readonly url: string;
  readonly batches: Array<t.TypeOf<typeof Traces>>;
  readonly server: Server;
}> => {
  const batches: Array<t.TypeOf<typeof Traces>> = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) {
      chunks.push(chunk);
    }
    const body: unknown = JSON.parse(Buffer.concat(chunks).toString());
    if (request.url === "/v1/traces" && Traces.is(body)) {
      batches.push(body);
    }
    response.end("{}");
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" ? address?.port : undefined;
  return { url: `http://127.0.0.1:${port}`, batches, server };
};

const SECRET_WORDS = "what nobody else is to read";

test("a request's log line has its route, status, duration and user, as the wire spells them", async (t) => {
  const deployment = await makeDeployment();
  t.teardown(deployment.close);
  const server = await deployment.start({ N3D_KEY: "11EdDIaqpcim", LOG_LEVEL: "trace" });
  const token = await deployment.tokenFor("1");
  const message = {
    conversationType: "PRIVATE",
    targetId: "z2mlAvb0c",
    objectName: "RC:TxtMsg",
    content: SECRET_WORDS,
  };
  const answer = await postJson(server, "/misc/send_message", token, message);
  t.is(answer.status, 403);
  const requestId = answer.headers.get("x-request-id");
  const { route, status, durationMs, user } = await server.line(
    (line) => line.requestId === requestId,
  );
  t.deepEqual([route, status, user], ["/misc/send_message", 403, "kFpN4KiZn"]);
  t.is(typeof durationMs, "number");

  await deployment.relate(({ addFriends }) => addFriends([]));
  await fetch(`${server.url}/misc/send_message`, { method: "POST" });
  const unknown = await server.line(({ status: its }) => its === 401);
  t.false("user" in unknown);
  const printed = JSON.stringify(server.lines);
  for (const secret of [SECRET_WORDS, token, "app-secret", "thirty-two bytes"]) {
    t.false(printed.includes(secret), secret);
  }
});

test("a request is a span in its caller's trace, with the calls that it made within", async (t) => {
  const collector = await startCollector();
  t.teardown(() => collector.server.close());
  const deployment = await makeDeployment();
  t.teardown(deployment.close);
  const server = await deployment.start({ OTEL_EXPORTER_OTLP_ENDPOINT: collector.url });
  const traceId = "0af7651916cd43dd8448eb211c80319c";
  const parent = "b7ad6b7169203331";
  const answer = await fetch(`${server.url}/misc/set_screen_capture`, {
    method: "POST",
    headers: {
      authorization: `Bearer ${await deployment.tokenFor("alice")}`,
      "content-type": "application/json",
      traceparent: `00-${traceId}-${parent}-01`,
    },
    body: '{"conversationType":3,"targetId":"g","noticeStatus":1}',
  });
  t.is(answer.status, 200);
  await until("the notice is taken", async () => deployment.rongCloud.taken.length === 1);
  t.is(await server.end("SIGTERM"), 0);

  const resources = collector.batches.flatMap(({ resourceSpans }) => resourceSpans);
  t.true(
    resources.every(({ resource }) =>
      resource.attributes.some(
        ({ key, value }) => key === "service.name" && value.stringValue === "sealtalk-misc",
      ),
    ),
  );
  const spans = resources.flatMap(({ scopeSpans }) => scopeSpans.flatMap((scope) => scope.spans));
  const request = spans.find(({ name }) => name === "POST /misc/set_screen_capture");
  t.deepEqual([request?.traceId, request?.parentSpanId], [traceId, parent]);
  const status = request?.attributes.find(({ key }) => key === "http.response.status_code");
  t.is(Number(status?.value.intValue), 200);
  const within = spans.filter(({ parentSpanId }) => parentSpanId === request?.spanId);
  t.deepEqual(within.map(({ name }) => name).sort(), ["store isMember", "store setNoticeStatus"]);
  t.true(spans.some(({ name }) => name === "gateway send"));
});

test("a collector that is away costs no request anything", async (t) => {
  const deployment = await makeDeployment();
  t.teardown(deployment.close);
  const server = await deployment.start({ OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:1" });
  t.is((await fetch(`${server.url}/misc/client_version`)).status, 200);
  t.is(await server.end("SIGTERM"), 0);
});

test("on a terminal a log line is for a person to read", async (t) => {
  const deployment = await makeDeployment();
  t.teardown(deployment.close);
  const command = `${process.execPath} ${MAIN} serve`;
  const child = spawn("script", ["-qec", command, "/dev/null"], {
    env: {
      PATH: process.env.PATH,
      TERM: "xterm",
      PORT: "0",
      STORE: "memory",
      SESSION_SECRET: "a secret of more than thirty-two bytes",
    },
  });
  t.teardown(() => child.kill("SIGKILL"));
  let printed = "";
  child.stdout.on("data", (chunk) => {
    printed += chunk;
  });
  await until("it listens", async () => printed.includes("listening"));
  t.notRegex(printed, /"level"/);
  t.regex(printed, /INFO.*listening/);
});
