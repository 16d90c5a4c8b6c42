import { EventEmitter, once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import { createServer as createSecureServer } from "node:https";
import { createServer as createSilentServer, type Socket } from "node:net";
import { replyOfFault } from "../../adapters/rongcloud/classify.ts";
import { type KeepAliveOptions, makeKeepAliveFetch } from "../../adapters/undici/mod.ts";
import { type Certificate, makeCertificate } from "../support/certificate.ts";
import { listen } from "../support/fake-rongcloud.ts";
import { closeOf, portOf, startGate } from "../support/gate.ts";
import { type ExecutionContext, test } from "../support/test.ts";

interface Server {
  readonly url: string;
  /** How many requests each connection carried, in the order of the first ones. */
  readonly uses: () => ReadonlyArray<number>;
  /** What was posted, in its order. */
  readonly posted: ReadonlyArray<string>;
}

type Handler = (
  body: string,
  exchange: {
    readonly socket: Socket;
    readonly request: Parameters<RequestListener>[0];
    readonly response: Parameters<RequestListener>[1];
  },
) => void;

const start = async (
  t: ExecutionContext,
  handle: Handler,
  certificate?: Certificate,
): Promise<Server> => {
  const uses = new Map<Socket, number>();
  const posted: string[] = [];
  const listener: RequestListener = (request, response) => {
    const { socket } = request;
    uses.set(socket, (uses.get(socket) ?? 0) + 1);
    const chunks: Buffer[] = [];
    request.on("data", (chunk) => chunks.push(chunk));
    request.on("end", () => {
      const body = Buffer.concat(chunks).toString();
      posted.push(body);
      handle(body, { socket, request, response });
    });
  };
  // To end an idle connection is the client's part here.
  const { url, close } = await listen(
    certificate === undefined
      ? createServer({ keepAliveTimeout: 0 }, listener)
      : createSecureServer({ ...certificate, keepAliveTimeout: 0 }, listener),
  );
  t.teardown(close);
  return { url, uses: () => [...uses.values()], posted };
};

const echo: Handler = (body, { response }) => response.end(body);

type Post = (url: string, body: string, signal?: AbortSignal) => Promise<string>;

/** Posts, and gives the whole answer. */
const makePost = (t: ExecutionContext, options?: KeepAliveOptions): Post => {
  const { fetch, close } = makeKeepAliveFetch(options);
  t.teardown(close);
  return async (url, body, signal) => {
    const response = await fetch(url, { method: "POST", body, signal: signal ?? null });
    return response.text();
  };
};

const faultOf = (outcome: Promise<unknown>): Promise<unknown> =>
  outcome.then(
    (value) => `answered ${value}`,
    (fault: unknown) => fault,
  );

const times = (count: number): ReadonlyArray<string> =>
  Array.from({ length: count }, (_, index) => String(index));

for (const scheme of ["http", "https"]) {
  test(`fetch() uses a connection of ${scheme} 80 times`, async (t) => {
    const certificate = scheme === "https" ? await makeCertificate() : undefined;
    const { url, uses } = await start(t, echo, certificate);
    const post = makePost(t, certificate === undefined ? {} : { ca: certificate.cert });
    for (const body of times(161)) {
      t.is(await post(url, body), body);
    }
    t.deepEqual(uses(), [80, 80, 1]);
  });
}

for (const [most, expected] of [
  [1, [1, 1, 1, 1, 1]],
  [2, [2, 2, 1]],
  [3, [3, 2]],
] as const) {
  test(`fetch() uses a connection as often as it is told: ${most}`, async (t) => {
    const { url, uses } = await start(t, echo);
    const post = makePost(t, { uses: most });
    for (const body of times(5)) {
      await post(url, body);
    }
    t.deepEqual(uses(), [...expected]);
  });
}

test("fetch() opens no more connections than it is told, and never pipelines", async (t) => {
  const MOST = 3;
  const waiting = new Map<Socket, () => void>();
  const { url, uses, posted } = await start(t, (body, { socket, response }) => {
    t.false(waiting.has(socket));
    waiting.set(socket, () => response.end(body));
    if (waiting.size === MOST) {
      const answers = [...waiting.values()];
      waiting.clear();
      for (const answer of answers) {
        answer();
      }
    }
  });
  const post = makePost(t, { connections: MOST });
  const bodies = times(20 * MOST);
  t.deepEqual(await Promise.all(bodies.map((body) => post(url, body))), bodies);
  t.is(uses().length, MOST);
  t.is(new Set(posted).size, bodies.length);
});

for (const [what, hint] of [
  ["that the server says nothing of", undefined],
  ["that the server would keep for longer", "timeout=600"],
] as const) {
  test(`fetch() ends an idle connection ${what}`, async (t) => {
    const ends: Promise<unknown>[] = [];
    const { url, uses } = await start(t, (body, { socket, response }) => {
      ends.push(once(socket, "close"));
      response.setHeader("Connection", "keep-alive");
      if (hint !== undefined) {
        response.setHeader("Keep-Alive", hint);
      }
      response.end(body);
    });
    const post = makePost(t, { idleMs: 10 });
    await post(url, "first");
    await Promise.all(ends);
    await post(url, "second");
    t.deepEqual(uses(), [1, 1]);
  });
}

test("fetch() does not use a connection that the server is about to end", async (t) => {
  const { url, uses } = await start(t, (body, { response }) => {
    response.setHeader("Connection", "keep-alive");
    response.setHeader("Keep-Alive", "timeout=1");
    response.end(body);
  });
  const post = makePost(t);
  await post(url, "first");
  await post(url, "second");
  t.deepEqual(uses(), [1, 1]);
});

for (const [what, treat] of [
  ["closed", (socket: Socket) => socket.destroy()],
  ["reset", (socket: Socket) => socket.resetAndDestroy()],
  ["ended in half an answer", (socket: Socket) => socket.end("HTTP/1.1 200 OK\r\nContent-Le")],
  [
    "ended in half a body",
    (socket: Socket) => socket.end("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"),
  ],
] as const) {
  test(`fetch() sends a request once when its kept connection is ${what}`, async (t) => {
    const { url, uses, posted } = await start(t, (body, { socket, response }) => {
      if (body === "second") {
        treat(socket);
      } else {
        response.end(body);
      }
    });
    const post = makePost(t);
    await post(url, "first");
    const fault = await faultOf(post(url, "second"));
    t.is(replyOfFault(fault)._tag, "UNANSWERED", String(fault));
    t.is(await post(url, "third"), "third");
    t.deepEqual(posted, ["first", "second", "third"]);
    t.deepEqual(uses(), [2, 1]);
  });
}

for (const [what, end] of [
  ["closed", (socket: Socket) => socket.destroy()],
  ["reset", (socket: Socket) => socket.resetAndDestroy()],
] as const) {
  test(`fetch() sends a request at most once when its idle connection is ${what} just then`, async (t) => {
    let last: Socket | undefined;
    const { url, posted } = await start(t, (body, { socket, response }) => {
      last = socket;
      response.end(body);
    });
    const post = makePost(t);
    for (const round of times(50)) {
      await post(url, `${round} first`);
      const second = faultOf(post(url, `${round} second`));
      if (last !== undefined) {
        end(last);
      }
      const answered = (await second) === `answered ${round} second`;
      const times = posted.filter((body) => body === `${round} second`).length;
      t.true(times <= 1);
      t.true(times === 1 || !answered);
    }
  });
}

test("fetch() sends a request once when the server calls it misdirected", async (t) => {
  const { url, posted } = await start(t, (_body, { response }) => {
    response.statusCode = 421;
    response.end("no");
  });
  t.is(await makePost(t)(url, "once"), "no");
  t.deepEqual(posted, ["once"]);
});

test("fetch() sends no body after a redirect", async (t) => {
  const { url, posted } = await start(t, (_body, { response }) => {
    response.writeHead(307, { location: "/elsewhere" });
    response.end();
  });
  t.true((await faultOf(makePost(t)(url, "once"))) instanceof TypeError);
  t.deepEqual(posted, ["once"]);
});

test("fetch() sends what the runtime's fetch would", async (t) => {
  const seen: unknown[] = [];
  const { url } = await start(t, (body, { request, response }) => {
    const { method, url: path, headers } = request;
    const { "content-type": type, "content-length": length, "x-own": own } = headers;
    seen.push({ method, path, type, length, own, chunked: headers["transfer-encoding"], body });
    response.end();
  });
  const kept = makeKeepAliveFetch();
  t.teardown(kept.close);
  const form = { method: "POST", headers: { "X-Own": "1" } };
  for (const ask of [fetch, kept.fetch]) {
    await ask(url, { ...form, body: new URLSearchParams({ a: "é & b" }) });
    await ask(new URL(`${url}/path?query`), { ...form, body: "é" });
    await ask(new Request(url, { ...form, body: new Uint8Array([97, 98]) }));
    await ask(url, form);
    await ask(url);
  }
  t.is(seen.length, 10);
  t.deepEqual(seen.slice(5), seen.slice(0, 5));
});

test("fetch() rejects with a signal's reason, be it the request's or its own", async (t) => {
  const { url } = await start(t, () => {});
  const { fetch } = makeKeepAliveFetch();
  const signal = AbortSignal.abort(new Error("because"));
  await t.throwsAsync(fetch(url, { signal }), { message: "because" });
  await t.throwsAsync(fetch(new Request(url, { signal })), { message: "because" });
});

test("what is not answered in time may have been taken", async (t) => {
  const late = new AbortController();
  const { url, posted } = await start(t, () => {
    late.abort(new DOMException("late", "TimeoutError"));
  });
  const fault = await faultOf(makePost(t)(url, "a", late.signal));
  t.deepEqual(replyOfFault(fault), { _tag: "UNANSWERED", cause: "late" });
  t.deepEqual(posted, ["a"]);
});

for (const [what, made, code] of [
  ["nobody vouches for", {}, "DEPTH_ZERO_SELF_SIGNED_CERT"],
  ["has expired", { notAfter: new Date(86_400_000) }, "CERT_HAS_EXPIRED"],
  ["is another host's", { ip: "127.0.0.2" }, "ERR_TLS_CERT_ALTNAME_INVALID"],
] as const) {
  test(`fetch() sends nothing to a host with a certificate that ${what}`, async (t) => {
    const certificate = await makeCertificate(made);
    const { url, uses } = await start(t, echo, certificate);
    const post = makePost(t, Object.keys(made).length === 0 ? {} : { ca: certificate.cert });
    // The second time too: no session is resumed that was never trusted.
    for (const body of ["first", "second"]) {
      const fault = await faultOf(post(url, body));
      t.is(replyOfFault(fault)._tag, "UNSENT", String(fault));
      t.like(fault, { cause: { code } });
    }
    t.deepEqual(uses(), []);
  });
}

test("fetch() verifies certificates even if the environment says not to", async (t) => {
  const { url, uses } = await start(t, echo, await makeCertificate());
  const NAME = "NODE_TLS_REJECT_UNAUTHORIZED";
  const before = process.env[NAME];
  process.env[NAME] = "0";
  t.teardown(() => {
    if (before === undefined) {
      delete process.env[NAME];
    } else {
      process.env[NAME] = before;
    }
  });
  const fault = await faultOf(makePost(t)(url, "secret"));
  t.is(replyOfFault(fault)._tag, "UNSENT", String(fault));
  t.deepEqual(uses(), []);
});

test("nothing was sent to a port that refuses", async (t) => {
  const { url, close } = await listen(createServer());
  await close();
  const fault = await faultOf(makePost(t)(url, "a"));
  t.is(replyOfFault(fault)._tag, "UNSENT", String(fault));
  t.like(fault, { cause: { code: "ECONNREFUSED" } });
});

test("nothing was sent to a host without an address", async (t) => {
  // Too long for a name: no server needs to be asked.
  const fault = await faultOf(makePost(t)(`http://${"a".repeat(64)}.invalid`, "a"));
  t.is(replyOfFault(fault)._tag, "UNSENT", String(fault));
  t.like(fault, { cause: { syscall: "getaddrinfo" } });
});

test("nothing was sent to a host that does not shake hands in time", async (t) => {
  const server = createSilentServer((socket) => socket.on("error", () => {}).resume());
  const url = `https://127.0.0.1:${await portOf(server)}`;
  const fault = await faultOf(makePost(t, { connectMs: 20 })(url, "a"));
  t.is(replyOfFault(fault)._tag, "UNSENT", String(fault));
  t.like(fault, { cause: { code: "UND_ERR_CONNECT_TIMEOUT" } });
  // The connection that was given up ends too.
  await closeOf(server);
});

test("nothing is sent to a host that shakes hands when it was given up", async (t) => {
  const certificate = await makeCertificate();
  const { url, uses } = await start(t, echo, certificate);
  const gate = await startGate();
  const post = makePost(t, { connectMs: 20, ca: certificate.cert });
  const fault = await faultOf(post(`https://127.0.0.1:${gate.port}`, "a"));
  t.like(fault, { cause: { code: "UND_ERR_CONNECT_TIMEOUT" } });
  await gate.open(Number(new URL(url).port));
  await gate.closed;
  t.deepEqual(uses(), []);
});

test("close() lets the answer come that is awaited, then ends the connections", async (t) => {
  const asked = new EventEmitter();
  const { url } = await start(t, (_body, exchange) => asked.emit("asked", exchange));
  const { fetch, close } = makeKeepAliveFetch();
  const asking = once(asked, "asked");
  const answer = fetch(url, { method: "POST", body: "a" });
  const [{ socket, response }] = await asking;
  const ended = once(socket, "close");
  const closed = close();
  response.end("b");
  t.is(await (await answer).text(), "b");
  await Promise.all([closed, ended]);
  await t.throwsAsync(fetch(url), { instanceOf: TypeError });
});
