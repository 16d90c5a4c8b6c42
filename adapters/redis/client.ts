import { type ClientContext, Cluster, Redis, type RedisCommander, type Result } from "ioredis";
import { watch } from "./absence.ts";

/** Where Redis is, and how it is to be asked. */
export interface RedisConnectionOptions {
  /** redis:// or rediss:// URLs: one node; or a Cluster's seeds; or, with `sentinel`, Sentinels. */
  readonly urls: ReadonlyArray<string>;
  /** The name by which Sentinels know the primary. */
  readonly sentinel?: string;
  /** What Sentinels are told, if they want a password of their own. */
  readonly sentinelPassword?: string;
  /** Certificates to trust in place of the well-known ones, as PEM. */
  readonly ca?: string;
  /** How many replicas must have a write before it is acknowledged. */
  readonly minReplicas?: number;
  /** How long one command may take, in milliseconds: 1,000 unless it says otherwise. */
  readonly commandMs?: number;
}

/** One node, or a Cluster: what both can do. */
export type Client = Redis | Cluster;

/** One command that changes something. */
export interface Change {
  /** One of the keys that it touches: on a Cluster the others are on the same node. */
  readonly key: string;
  /** Sends it to a client, or puts it into a pipeline. */
  readonly send: <C extends ClientContext>(to: RedisCommander<C>) => Result<unknown, C>;
}

/** Of a command that is not answered by then nobody knows whether it was run. */
export const COMMAND_MS = 1_000;

const LONGEST_PAUSE_MS = 500;
const MOST_REDIRECTIONS = 8;

/** A client that fails fast: it queues nothing and tells a fault at once; a command may be `waitMs` longer. */
export const makeClient = (options: RedisConnectionOptions, waitMs = 0): Client =>
  watch(clientOf(options, waitMs));

const clientOf = (
  { urls, sentinel, sentinelPassword, ca, commandMs = COMMAND_MS }: RedisConnectionOptions,
  waitMs: number,
): Client => {
  const [url = "redis://127.0.0.1"] = urls;
  const { tls: encrypted } = addressOf(url);
  const tls = ca === undefined ? {} : { ca };
  const pause = (times: number): number => Math.min(LONGEST_PAUSE_MS, times * 50);
  const options = {
    ...credentialsOf(url),
    ...(encrypted ? { tls } : {}),
    // What is asked within one turn of the event loop goes to the socket together.
    enableAutoPipelining: true,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    commandTimeout: commandMs + waitMs,
    connectTimeout: commandMs,
    // A server that is stopped answers nothing: what is written to it must not pile up.
    socketTimeout: 2 * commandMs + waitMs,
    retryStrategy: pause,
    // A replica that was the primary a moment ago.
    reconnectOnError: ({ message }: Error) => message.startsWith("READONLY"),
  };
  if (sentinel !== undefined) {
    return new Redis({
      ...options,
      name: sentinel,
      sentinels: urls.map(addressOf).map(({ host, port }) => ({ host, port })),
      ...(sentinelPassword === undefined ? {} : { sentinelPassword }),
      sentinelCommandTimeout: commandMs,
      sentinelRetryStrategy: pause,
      ...(encrypted ? { enableTLSForSentinelMode: true, sentinelTLS: tls } : {}),
    });
  }
  if (urls.length > 1) {
    return new Cluster(
      urls.map(addressOf).map(({ host, port }) => ({ host, port })),
      {
        enableOfflineQueue: false,
        clusterRetryStrategy: pause,
        slotsRefreshTimeout: commandMs,
        // What the client sends again by itself it also sends when the command has long timed out:
        // an old set would follow a newer one. Redirections are soon over, other faults are told.
        maxRedirections: MOST_REDIRECTIONS,
        retryDelayOnFailover: 0,
        retryDelayOnClusterDown: 0,
        // Certificates are by host name, which an address would not match.
        ...(encrypted ? { dnsLookup: (host, callback) => callback(null, host) } : {}),
        redisOptions: options,
      },
    );
  }
  const { host, port } = addressOf(url);
  return new Redis({ ...options, host, port });
};

/** Waits for a client, and for each of a Cluster's nodes. */
export const makeReady = async (client: Client, ms: number): Promise<void> => {
  await readyWithin(client, ms);
  if (client instanceof Cluster) {
    await Promise.all(client.nodes().map((node) => connectNode(node, ms)));
    client.on("+node", (node: Redis) => connectNode(node, ms));
  }
};

/** Until a connection is ready, or the time is over: errors in between are of attempts to connect. */
export const readyWithin = (client: Client, ms: number): Promise<void> =>
  new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      client.off("ready", end);
      client.off("end", end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    if (client.status === "ready" || client.status === "end") {
      end();
    } else {
      client.once("ready", end);
      client.once("end", end);
    }
  });

/** A Cluster connects to a node with the first command, and refuses others until that is done. */
const connectNode = async (node: Redis, ms: number): Promise<void> => {
  if (node.status === "wait") {
    await node.connect().catch(() => {});
  } else {
    await readyWithin(node, ms);
  }
};

const addressOf = (url: string): { host: string; port: number; tls: boolean } => {
  const { hostname, port, protocol } = new URL(url);
  return {
    host: hostname.replace(/^\[|\]$/g, ""),
    port: port === "" ? DEFAULT_PORT : Number(port),
    tls: protocol === "rediss:",
  };
};

interface Credentials {
  readonly username?: string;
  readonly password?: string;
  readonly db?: number;
}

const credentialsOf = (url: string): Credentials => {
  const { username, password, pathname } = new URL(url);
  return {
    ...(username === "" ? {} : { username: decodeURIComponent(username) }),
    ...(password === "" ? {} : { password: decodeURIComponent(password) }),
    ...(pathname.length > 1 ? { db: Number(pathname.slice(1)) } : {}),
  };
};

const DEFAULT_PORT = 6_379;
