/**
 * A `fetch` that keeps its connections, on undici; for Node.
 *
 * @module
 */
import { Agent, buildConnector, errors, fetch as fetchOf } from "undici";

/** How connections are kept. */
export interface KeepAliveOptions {
  /** How many requests one connection carries at most. */
  readonly uses?: number;
  /** How long a connection waits for its next request, in milliseconds; the server may say less. */
  readonly idleMs?: number;
  /** How long it may take to connect, name and handshake included, in milliseconds. */
  readonly connectMs?: number;
  /** How many connections there are to one origin; a request that finds them all taken waits. */
  readonly connections?: number;
  /** Certificates to trust in place of the well-known ones, as PEM. */
  readonly ca?: string;
}

/** A `fetch` and the connections that it keeps. */
export interface KeepAliveFetch {
  readonly fetch: (input: string | URL | Request, init?: RequestInit) => ReturnType<typeof fetchOf>;
  /** Waits for the answers that are still to come, then ends the connections. */
  readonly close: () => Promise<void>;
}

/**
 * A `fetch` that keeps its connections as RongCloud asks. Certificates are verified, whatever the
 * environment says. A request with a body is written once at most: not again if its connection
 * breaks or the server redirects it, and not at all if its signal was due to abort it before, even
 * when the process slept through that moment.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { BEIJING_HOSTS, makeRongCloudGateway } from "sealtalk-misc/rongcloud";
 * import { makeKeepAliveFetch } from "sealtalk-misc/undici";
 *
 * const { fetch, close } = makeKeepAliveFetch();
 * const gateway = makeRongCloudGateway({
 *   appKey: "key",
 *   appSecret: "secret",
 *   hosts: BEIJING_HOSTS,
 *   fetch,
 * });
 * assert.equal((await gateway.ready()())._tag, "Right");
 * await close();
 * ```
 */
export const makeKeepAliveFetch = ({
  uses = 80,
  idleMs = 50_000,
  connectMs = 1_500,
  connections = 64,
  ca,
}: KeepAliveOptions = {}): KeepAliveFetch => {
  const dispatcher = new Agent({
    connect: makeConnector(connectMs, ca),
    connections,
    // undici does not count the first use, and takes 0 for no bound at all.
    maxRequestsPerClient: uses - 1,
    pipelining: uses > 1 ? 1 : 0,
    keepAliveTimeout: idleMs,
    keepAliveMaxTimeout: idleMs,
    allowH2: false,
  });
  return {
    fetch: async (input, init) => {
      const signal = init?.signal ?? (input instanceof Request ? input.signal : null);
      const request = new Request(input, { ...init, signal: null });
      const bytes = new Uint8Array(await request.arrayBuffer());
      const { method, redirect } = request;
      const headers: Array<[string, string]> = [...request.headers];
      return fetchOf(
        request.url,
        bytes.length === 0
          ? { dispatcher, signal, method, redirect, headers }
          : {
              dispatcher,
              signal,
              method,
              redirect,
              headers: [...headers, ["Content-Length", String(bytes.length)]],
              // What was a text undici would send again, after a 421 for one.
              body: heldBack(bytes),
              duplex: "half",
            },
      );
    },
    // What Bun has by the name of undici is its own fetch, without connections that could be closed.
    close: async () => dispatcher.close?.(),
  };
};

/**
 * undici asks for the body when it has a connection, and writes nothing before it gets it. That may
 * be later than the signal allows: after the process was stopped, the loop tells of connections
 * before it runs the timers that are due, of which one may abort this request.
 */
async function* heldBack(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  await untilTimersHaveRun();
  yield bytes;
}

// Of the timers that are due some may come after this one, but none after the check phase; and a turn
// of the loop alone may leave them all out, since Node has it wait a millisecond at least.
const untilTimersHaveRun = (): Promise<void> =>
  new Promise((done) => {
    setTimeout(() => setImmediate(done));
  });

const makeConnector = (connectMs: number, ca: string | undefined): buildConnector.connector => {
  const connect = buildConnector({
    timeout: connectMs,
    rejectUnauthorized: true,
    allowH2: false,
    ...(ca === undefined ? {} : { ca }),
  });
  return (options, callback) => {
    let settled = false;
    const settle: buildConnector.Callback = (...outcome) => {
      if (settled) {
        outcome[1]?.destroy();
        return;
      }
      settled = true;
      clearTimeout(timer);
      callback(...outcome);
    };
    // undici's own timeout comes up to a second late, when the request has timed out too and nobody
    // can tell that it was not sent; it ends the socket then.
    const timer = setTimeout(() => {
      settle(new errors.ConnectTimeoutError(`no connection within ${connectMs} ms`), null);
    }, connectMs);
    connect(options, settle);
  };
};
