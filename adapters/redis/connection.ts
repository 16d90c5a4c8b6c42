import { once } from "node:events";
import { pipe } from "fp-ts/lib/function.js";
import type { Task } from "fp-ts/lib/Task.js";
import * as TE from "fp-ts/lib/TaskEither.js";
import * as t from "io-ts";
import { Cluster, Redis } from "ioredis";
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

/** A connection that fails fast: nothing waits for a server that is away. */
export interface Connection {
  readonly client: Client;
  /** Asks what changes nothing. */
  readonly ask: <A>(question: (client: Client) => Promise<A>) => TE.TaskEither<StoreUnavailable, A>;
  /** Runs a change that may be repeated: acknowledged once enough replicas have it. */
  readonly change: <A>(
    key: string,
    change: (client: Client) => Promise<A>,
  ) => TE.TaskEither<StoreUnavailable, A>;
  readonly close: () => Promise<void>;
}

// Of a command that is not answered by then nobody knows whether it was run.
const COMMAND_MS = 1_000;
const LONGEST_PAUSE_MS = 500;

// A connection that was lost takes some 50 ms to be there again, if its server is.
const BACK_WITHIN_MS = 500;

/** Connects; a server that is not there yet is waited for as long as a command may take, no longer. */
export const connect = async (options: RedisConnectionOptions): Promise<Connection> => {
  const { minReplicas = 0, commandMs = COMMAND_MS } = options;
  const client = makeClient(options, commandMs);
  // Each call has its own error; what happens in between shows in the next.
  client.on("error", () => {});
  await once(client, "ready", { signal: AbortSignal.timeout(commandMs) }).catch(() => {});

  const ask: Connection["ask"] = (question) => TE.tryCatch(() => question(client), unavailable);

  let back: Promise<void> | undefined;

  /** Waits for a connection that was lost a moment ago: all who do wait as one. */
  const connected = async (): Promise<void> => {
    if (client.status === "ready" || client.status === "end") {
      return;
    }
    back ??= readyWithin(client, BACK_WITHIN_MS).finally(() => {
      back = undefined;
    });
    await back;
  };

  const enough = (
    count: (client: Client) => Promise<unknown>,
  ): TE.TaskEither<StoreUnavailable, void> =>
    pipe(
      ask(count),
      TE.filterOrElse(
        (replicas) => Number(replicas) >= minReplicas,
        () => storeUnavailable(`fewer than ${minReplicas} replicas have the write`),
      ),
      TE.map(() => undefined),
    );

  // Nothing else is answered meanwhile, so those who wait for one node's replicas do it as one.
  const waitInTurns =
    client instanceof Redis
      ? inTurns(enough(() => client.wait(minReplicas, commandMs / 2)))
      : undefined;

  const replicated = (key: string): TE.TaskEither<StoreUnavailable, void> =>
    minReplicas === 0
      ? TE.right(undefined)
      : (waitInTurns ??
        enough(async (cluster) => {
          // Of a Cluster's nodes the one that has the key is asked.
          const asking = cluster.pipeline().type(key);
          return (await asking.wait(minReplicas, commandMs / 2).exec())?.[1]?.[1];
        }));

  return {
    client,
    ask,
    change: (key, change) => {
      const changing = ask(change);
      return pipe(
        changing,
        // A change that is repeated changes nothing, and its first reply may only have been lost.
        TE.alt(() =>
          pipe(
            TE.fromTask(connected),
            TE.chain(() => changing),
          ),
        ),
        TE.chainFirst(() => replicated(key)),
      );
    },
    close: async () => {
      client.disconnect();
    },
  };
};

/** Runs a task once at a time: all who come while it is run share the next. */
const inTurns = <A>(task: Task<A>): Task<A> => {
  let running: Promise<unknown> = Promise.resolve();
  let next: Promise<A> | undefined;
  return () => {
    next ??= running.then(() => {
      next = undefined;
      const run = task();
      running = run;
      return run;
    });
    return next;
  };
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
    client.once("ready", end);
    client.once("end", end);
  });

/** Runs a script: by its digest, and in full where the server does not know it. */
export const run =
  ({ lua, sha, numberOfKeys }: Script) =>
  (keys: ReadonlyArray<string>, args: ReadonlyArray<string | number>) =>
  async (client: Client): Promise<unknown> => {
    try {
      return await client.evalsha(sha, numberOfKeys, ...keys, ...args);
    } catch (fault) {
      if (fault instanceof Error && fault.message.startsWith("NOSCRIPT")) {
        return client.eval(lua, numberOfKeys, ...keys, ...args);
      }
      throw fault;
    }
  };

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
