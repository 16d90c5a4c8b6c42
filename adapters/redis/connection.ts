import { pipe } from "fp-ts/lib/function.js";
import * as TE from "fp-ts/lib/TaskEither.js";
import * as t from "io-ts";
import { type ClientContext, Cluster, Redis, type RedisCommander, type Result } from "ioredis";
import { type StoreUnavailable, storeUnavailable } from "../../core/domain/errors.ts";
import type { Script } from "./scripts.ts";

/** Where Redis is, and how it is to be asked. */
export interface RedisConnectionOptions {
  /** redis:// or rediss:// URLs: one node; or a Cluster's seeds; or, with `sentinel`, Sentinels. */
  readonly urls: ReadonlyArray<string>;
  /** The name by which Sentinels know the primary. */
  readonly sentinel?: string;
  /** Certificates to trust in place of the well-known ones, as PEM. */
  readonly ca?: string;
  /** How many replicas must have a write before it is acknowledged. */
  readonly minReplicas?: number;
  /** How long one command may take, in milliseconds. */
  readonly commandMs?: number;
}

/** One node, or a Cluster: what both can do. */
export type Client = Redis | Cluster;

/** One command that changes something: for a client, or for a pipeline. */
export type Change = <C extends ClientContext>(to: RedisCommander<C>) => Result<unknown, C>;

/** A connection that fails fast: nothing waits for a server that is away. */
export interface Connection {
  readonly client: Client;
  /** Asks what changes nothing. */
  readonly ask: <A>(question: (client: Client) => Promise<A>) => TE.TaskEither<StoreUnavailable, A>;
  /** Runs a change that may be repeated: acknowledged once enough replicas have it. */
  readonly change: (change: Change) => TE.TaskEither<StoreUnavailable, unknown>;
  readonly close: () => Promise<void>;
}

// Of a command that is not answered by then nobody knows whether it was run.
const COMMAND_MS = 1_000;
const LONGEST_PAUSE_MS = 500;
const MOST_REDIRECTIONS = 8;

// A connection that was lost takes some 50 ms to be there again, if its server is.
const BACK_WITHIN_MS = 500;

/** Connects; a server that is not there yet is waited for as long as a command may take, no longer. */
export const connect = async (options: RedisConnectionOptions): Promise<Connection> => {
  const { minReplicas = 0, commandMs = COMMAND_MS } = options;
  const client = makeClient(options, commandMs);
  // Each call has its own error; what happens in between shows in the next.
  client.on("error", () => {});
  // WAIT keeps what comes after it on its connection waiting, which is nothing for who reads.
  const writer = minReplicas === 0 ? client : makeClient(options, commandMs);
  writer.on("error", () => {});
  await Promise.all([...new Set([client, writer])].map((one) => makeReady(one, commandMs)));

  const ask: Connection["ask"] = (question) => TE.tryCatch(() => question(client), unavailable);

  let back: Promise<void> | undefined;

  /** Waits for a connection that was lost a moment ago: all who do wait as one. */
  const connected = async (): Promise<void> => {
    back ??= readyWithin(writer, BACK_WITHIN_MS).finally(() => {
      back = undefined;
    });
    await back;
  };

  const alone = (change: Change): TE.TaskEither<StoreUnavailable, unknown> =>
    TE.tryCatch(() => change<{ type: "default" }>(writer), unavailable);

  // WAIT counts what has gone over its own connection, and of a Cluster's nodes the one that has the
  // key is to be asked: so both are sent together, and a redirection fails them together.
  const replicated = (change: Change): TE.TaskEither<StoreUnavailable, Replicated> =>
    TE.tryCatch(async () => {
      const pipeline = writer.pipeline();
      change(pipeline);
      const replies = await pipeline.wait(minReplicas, commandMs / 4).exec();
      const [fault, answer] = replies?.[0] ?? [];
      if (fault) {
        throw fault;
      }
      return { answer, replicas: Number(replies?.[1]?.[1]) };
    }, unavailable);

  // A change that is repeated changes nothing, and its first reply may only have been lost.
  const again = <A>(task: TE.TaskEither<StoreUnavailable, A>): typeof task =>
    pipe(
      TE.fromTask(connected),
      TE.chain(() => task),
    );

  return {
    client,
    ask,
    change: (change) => {
      if (minReplicas === 0) {
        return pipe(
          alone(change),
          TE.alt(() => again(alone(change))),
        );
      }
      return pipe(
        replicated(change),
        TE.alt(() =>
          pipe(
            // Alone it follows redirections; after that the way is known.
            again(alone(change)),
            TE.chain(() => replicated(change)),
          ),
        ),
        TE.filterOrElse(
          ({ replicas }) => replicas >= minReplicas,
          () => storeUnavailable(`fewer than ${minReplicas} replicas have the write`),
        ),
        TE.map(({ answer }) => answer),
      );
    },
    close: async () => {
      client.disconnect();
      writer.disconnect();
    },
  };
};

/** Waits for a client, and for each of a Cluster's nodes. */
const makeReady = async (client: Client, ms: number): Promise<void> => {
  await readyWithin(client, ms);
  if (client instanceof Cluster) {
    await Promise.all(client.nodes().map((node) => connectNode(node, ms)));
    client.on("+node", (node: Redis) => connectNode(node, ms));
  }
};

/** Until a connection is ready, or the time is over: errors in between are of attempts to connect. */
const readyWithin = (client: Client, ms: number): Promise<void> =>
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

interface Replicated {
  readonly answer: unknown;
  readonly replicas: number;
}

/** A Cluster connects to a node with the first command, and refuses others until that is done. */
const connectNode = async (node: Redis, ms: number): Promise<void> => {
  if (node.status === "wait") {
    await node.connect().catch(() => {});
  } else {
    await readyWithin(node, ms);
  }
};

/** Runs a script. In full: by its digest a server that has just taken over would not know it. */
export const run =
  ({ lua, numberOfKeys }: Script) =>
  (keys: ReadonlyArray<string>, args: ReadonlyArray<string | number>): Change =>
  (to) =>
    to.eval(lua, numberOfKeys, ...keys, ...args);

const makeClient = ({ urls, sentinel, ca }: RedisConnectionOptions, commandMs: number): Client => {
  const [url = "redis://127.0.0.1"] = urls;
  const { tls: encrypted } = addressOf(url);
  const tls = ca === undefined ? {} : { ca };
  const pause = (times: number): number => Math.min(LONGEST_PAUSE_MS, times * 50);
  const options = {
    ...credentialsOf(url),
    ...(encrypted ? { tls } : {}),
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    commandTimeout: commandMs,
    connectTimeout: commandMs,
    // A server that is stopped answers nothing: what is written to it must not pile up.
    socketTimeout: 2 * commandMs,
    retryStrategy: pause,
    // A replica that was the primary a moment ago.
    reconnectOnError: ({ message }: Error) => message.startsWith("READONLY"),
  };
  if (sentinel !== undefined) {
    return new Redis({
      ...options,
      name: sentinel,
      sentinels: urls.map(addressOf).map(({ host, port }) => ({ host, port })),
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
        redisOptions: options,
      },
    );
  }
  const { host, port } = addressOf(url);
  return new Redis({ ...options, host, port });
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

/** Says what failed and, where a key is not of its type, which command on which key: never values. */
const unavailable = (fault: unknown): StoreUnavailable => {
  if (!(fault instanceof Error)) {
    return storeUnavailable(String(fault));
  }
  // To a command that it does not know, Redis answers with what it was given.
  const [message = ""] = fault.message.split(", with args");
  return storeUnavailable(
    message.startsWith("WRONGTYPE") && Failed.is(fault)
      ? `${fault.command.name} ${fault.command.args[0]}: ${message}`
      : message,
  );
};

/** What a reply that is an error belongs to. Of what a key is asked, the key comes first. */
const Failed = t.type({ command: t.type({ name: t.string, args: t.array(t.unknown) }) });
