import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { classify, replyOfFault, type Verdict } from "../../adapters/rongcloud/classify.ts";
import { sign } from "../../adapters/rongcloud/mod.ts";
import { makeNonce } from "../../adapters/rongcloud/signature.ts";
import { makeKeepAliveFetch } from "../../adapters/undici/mod.ts";
import { test } from "../support/test.ts";

const answered = (status: number, code: number, retryAfter?: number): Verdict =>
  classify({
    _tag: "ANSWERED",
    status,
    body: JSON.stringify({ code, errorMessage: "why" }),
    ...(retryAfter === undefined ? {} : { retryAfter }),
  });

test("classify() reads 200 with code 200 as delivered", (t) => {
  t.deepEqual(answered(200, 200), { _tag: "DELIVERED" });
});

for (const [status, code] of [
  [500, 1000],
  [504, 1050],
  [200, 1000],
  [200, 1050],
] as const) {
  test(`classify() reads ${status} with code ${code} as ambiguous`, (t) => {
    t.is(answered(status, code)._tag, "AMBIGUOUS");
  });
}

for (const [status, code] of [
  [429, 1008],
  [200, 1008],
  [429, 200],
  [429, 2007],
] as const) {
  test(`classify() reads ${status} with code ${code} as not delivered, again later`, (t) => {
    t.deepEqual(answered(status, code), { _tag: "AGAIN", where: "later", cause: "rate limit" });
  });
}

test("classify() reads Retry-After of a rate limit as how long to wait", (t) => {
  const verdict = { _tag: "AGAIN", where: "later", cause: "rate limit", retryAfter: 7 } as const;
  t.deepEqual(answered(429, 1008, 7), verdict);
  t.deepEqual(classify({ _tag: "ANSWERED", status: 429, body: "", retryAfter: 7 }), verdict);
});

for (const [status, code] of [
  [401, 1001],
  [401, 1004],
  [401, 1006],
  [401, 1007],
  [430, 1009],
  [200, 1004],
] as const) {
  test(`classify() reads ${status} with code ${code} as rejected until the operator acts`, (t) => {
    t.deepEqual(answered(status, code), {
      _tag: "REJECTED",
      gatewayCode: code,
      cure: "operator",
    });
  });
}

for (const [status, code] of [
  [400, 1002],
  [400, 1003],
  [400, 1005],
  [403, 2007],
  [404, 404],
  [405, 20604],
  [200, 1002],
  [200, 2007],
] as const) {
  test(`classify() reads ${status} with code ${code} as rejected for good`, (t) => {
    t.deepEqual(answered(status, code), { _tag: "REJECTED", gatewayCode: code, cure: "none" });
  });
}

test("classify() reads a request that was not written as one for another host", (t) => {
  t.deepEqual(classify({ _tag: "UNSENT", cause: "refused" }), {
    _tag: "AGAIN",
    where: "another host",
    cause: "refused",
  });
});

test("classify() reads a request without an answer as ambiguous", (t) => {
  t.deepEqual(classify({ _tag: "UNANSWERED", cause: "reset" }), {
    _tag: "AMBIGUOUS",
    cause: "reset",
  });
});

for (const [status, code] of [
  [500, 2007],
  [502, 200],
  [201, 200],
] as const) {
  test(`classify() reads ${status} with code ${code}, a contradiction, as ambiguous`, (t) => {
    t.is(answered(status, code)._tag, "AMBIGUOUS");
  });
}

for (const body of ["", "<html></html>", '{"code":200,', "null", '{"code":"200"}', "[200]"]) {
  for (const status of [200, 302, 500, 502, 503, 504]) {
    test(`classify() reads ${status} with ${body || "no body"} as ambiguous`, (t) => {
      t.is(classify({ _tag: "ANSWERED", status, body })._tag, "AMBIGUOUS");
    });
  }
}

for (const [status, cure] of [
  ...[400, 403, 404, 407].map((of4xx) => [of4xx, "operator"] as const),
  ...[413, 414, 431].map((tooLarge) => [tooLarge, "none"] as const),
] as const) {
  test(`classify() reads a proxy's ${status} as rejected, with the cure ${cure}`, (t) => {
    t.deepEqual(classify({ _tag: "ANSWERED", status, body: "<html></html>" }), {
      _tag: "REJECTED",
      gatewayCode: status,
      cure,
    });
  });
}

test("classify() reads a proxy's 429 as not delivered, again later", (t) => {
  t.deepEqual(classify({ _tag: "ANSWERED", status: 429, body: "slow down" }), {
    _tag: "AGAIN",
    where: "later",
    cause: "rate limit",
  });
});

test("sign() gives the SHA-1 of secret, nonce and seconds", async (t) => {
  const keys = { appKey: "the-key", appSecret: "密钥" };
  t.deepEqual(await sign(keys, { nonce: "abc", now: 1_700_000_000_999 }), {
    "App-Key": "the-key",
    Nonce: "abc",
    Timestamp: "1700000000",
    Signature: createHash("sha1").update("密钥abc1700000000").digest("hex"),
  });
});

test("makeNonce() gives another one each time, of 18 characters at most", (t) => {
  const nonces = Array.from({ length: 1_000 }, makeNonce);
  t.is(new Set(nonces).size, 1_000);
  t.true(nonces.every((nonce) => /^[0-9a-f]{1,18}$/.test(nonce)));
});

const kept = makeKeepAliveFetch();
test.after.always(kept.close);

const FETCHES = [
  ["the runtime's fetch", fetch],
  ["undici's", kept.fetch],
] as const;

const faultOf = async (ask: typeof fetch, url: string): Promise<unknown> => {
  try {
    const { status } = await ask(url, { method: "POST", body: "a=b" });
    return status;
  } catch (fault) {
    return fault;
  }
};

/** Runs on a server that does only this to each connection, then closes it; gives its address. */
const withServer = async (
  treat: (socket: Socket) => void,
  run: (address: string) => Promise<unknown>,
): Promise<{ readonly address: string; readonly outcome: unknown }> => {
  const server = createServer((socket) => {
    // What becomes of the connection is for the client to report.
    socket.on("error", () => {});
    treat(socket);
    socket.resume();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const bound = server.address();
  const port = bound !== null && typeof bound !== "string" ? bound.port : "unknown";
  const address = `127.0.0.1:${port}`;
  const outcome = await run(address);
  const closed = once(server, "close");
  server.close();
  await closed;
  return { address, outcome };
};

const HANDSHAKE_REFUSED = Buffer.from([21, 3, 3, 0, 2, 2, 40]);

for (const [name, ask] of FETCHES) {
  for (const [what, treat] of [
    ["closes before the handshake", (socket: Socket) => socket.destroy()],
    [
      "closes during the handshake",
      (socket: Socket) => socket.once("data", () => socket.destroy()),
    ],
    ["does not speak TLS", (socket: Socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n")],
    [
      "refuses the handshake",
      (socket: Socket) => socket.once("data", () => socket.end(HANDSHAKE_REFUSED)),
    ],
  ] as const) {
    test(`replyOfFault() says of ${name} that nothing was sent to a host that ${what}`, async (t) => {
      const { outcome } = await withServer(treat, (address) => faultOf(ask, `https://${address}`));
      t.is(replyOfFault(outcome)._tag, "UNSENT", String(outcome));
    });
  }

  test(`replyOfFault() says of ${name} that nothing was sent to a port that refuses`, async (t) => {
    const { address } = await withServer(
      () => {},
      async () => {},
    );
    const reply = replyOfFault(await faultOf(ask, `http://${address}`));
    t.is(reply._tag, "UNSENT");
    t.regex(reply._tag === "UNSENT" ? reply.cause : "", /ECONNREFUSED/);
  });

  for (const [what, treat] of [
    ["closes", (socket: Socket) => socket.destroy()],
    ["resets", (socket: Socket) => socket.resetAndDestroy()],
  ] as const) {
    test(`replyOfFault() leaves open what ${name} sent when the host ${what}`, async (t) => {
      const { outcome } = await withServer(
        (socket) => socket.once("data", () => treat(socket)),
        (address) => faultOf(ask, `http://${address}`),
      );
      t.is(replyOfFault(outcome)._tag, "UNANSWERED", String(outcome));
    });
  }
}

// As Node reports them: what cannot be had on any machine without its network.
const systemError = (syscall: string, code: string): Error =>
  Object.assign(new Error(`${syscall} ${code}`), { code, syscall });

const tlsError = (code: string): Error => Object.assign(new Error("SSL routines"), { code });

const fetchFailed = (cause: Error): TypeError => new TypeError("fetch failed", { cause });

for (const fault of [
  systemError("getaddrinfo", "ENOTFOUND"),
  systemError("getaddrinfo", "EAI_AGAIN"),
  systemError("connect", "EHOSTUNREACH"),
  systemError("connect", "ENETUNREACH"),
  systemError("connect", "ETIMEDOUT"),
  tlsError("UND_ERR_CONNECT_TIMEOUT"),
  tlsError("DEPTH_ZERO_SELF_SIGNED_CERT"),
  tlsError("CERT_HAS_EXPIRED"),
  tlsError("UNABLE_TO_VERIFY_LEAF_SIGNATURE"),
  tlsError("ERR_TLS_CERT_ALTNAME_INVALID"),
  // Bun's and Deno's ways to say it.
  tlsError("ConnectionRefused"),
  new Error("client error (Connect)"),
]) {
  const name = "code" in fault ? `${fault.message}, ${fault.code}` : fault.message;
  test(`replyOfFault() says that nothing was sent after ${name}`, (t) => {
    t.is(replyOfFault(fetchFailed(fault))._tag, "UNSENT");
  });
}

for (const fault of [
  systemError("read", "ECONNRESET"),
  systemError("write", "EPIPE"),
  systemError("read", "ETIMEDOUT"),
  systemError("read", "EHOSTUNREACH"),
  systemError("write", "ENETUNREACH"),
  systemError("write", "EPROTO"),
  tlsError("ERR_SSL_DECRYPTION_FAILED_OR_BAD_RECORD_MAC"),
  tlsError("ERR_SSL_SSLV3_ALERT_BAD_RECORD_MAC"),
  tlsError("UND_ERR_HEADERS_TIMEOUT"),
  tlsError("UND_ERR_SOCKET"),
]) {
  const name = "code" in fault ? `${fault.message}, ${fault.code}` : fault.message;
  test(`replyOfFault() leaves open what was sent after ${name}`, (t) => {
    t.is(replyOfFault(fetchFailed(fault))._tag, "UNANSWERED");
  });
}

test("replyOfFault() says that nothing was sent when none of a host's addresses connects", (t) => {
  const fault = Object.assign(
    new AggregateError([systemError("connect", "ETIMEDOUT"), systemError("connect", "EINVAL")], ""),
    { code: "ETIMEDOUT" },
  );
  t.deepEqual(replyOfFault(fetchFailed(fault)), {
    _tag: "UNSENT",
    cause: "fetch failed: connect ETIMEDOUT: connect EINVAL",
  });
});

test("replyOfFault() leaves open what was sent when the time is up, or the fault is no error", (t) => {
  const timeout = new DOMException("The operation was aborted due to timeout", "TimeoutError");
  t.deepEqual(replyOfFault(timeout), { _tag: "UNANSWERED", cause: timeout.message });
  t.is(replyOfFault("a text")._tag, "UNANSWERED");
});
