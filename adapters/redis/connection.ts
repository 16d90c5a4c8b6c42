import { pipe } from "fp-ts/lib/function.js";
import * as TE from "fp-ts/lib/TaskEither.js";
import { type StoreUnavailable, storeUnavailable } from "../../core/mod.ts";
import {
  type Change,
  type Client,
  COMMAND_MS,
  makeClient,
  makeReady,
  type RedisConnectionOptions,
  readyWithin,
} from "./client.ts";
import { unavailableOn } from "./fault.ts";
import { MOST_WAITED_MS, makeReplicated } from "./replication.ts";
import type { Script } from "./scripts.ts";

/** A connection that fails fast: nothing waits for a server that is away. */
export interface Connection {
  /** Who asks. */
  readonly client: Client;
  /** Who changes: the same, unless changes wait for replicas. */
  readonly writer: Client;
  /** Asks what changes nothing. */
  readonly ask: <A>(question: (client: Client) => Promise<A>) => TE.TaskEither<StoreUnavailable, A>;
  /** Runs a change that may be repeated: acknowledged once enough replicas have it. */
  readonly change: (change: Change) => TE.TaskEither<StoreUnavailable, unknown>;
  readonly close: () => Promise<void>;
}

// A connection that was lost takes some 50 ms to be there again, if its server is.
const BACK_WITHIN_MS = 500;

/** Connects; a server that is not there yet is waited for as long as a command may take, no longer. */
export const connect = async (options: RedisConnectionOptions): Promise<Connection> => {
  const { minReplicas = 0, commandMs = COMMAND_MS } = options;
  const client = makeClient(options);
  // Each call has its own error; what happens in between shows in the next.
  client.on("error", () => {});
  // WAIT keeps what comes after it on its connection waiting, which is nothing for who reads.
  const writer = minReplicas === 0 ? client : makeClient(options, MOST_WAITED_MS);
  writer.on("error", () => {});
  await Promise.all([...new Set([client, writer])].map((one) => makeReady(one, commandMs)));

  const ask: Connection["ask"] = (question) =>
    TE.tryCatch(() => question(client), unavailableOn(client));

  let back: Promise<void> | undefined;

  /** Waits for a connection that was lost a moment ago: all who do wait as one. */
  const connected = async (): Promise<void> => {
    back ??= readyWithin(writer, BACK_WITHIN_MS).finally(() => {
      back = undefined;
    });
    await back;
  };

  const alone = ({ send }: Change): TE.TaskEither<StoreUnavailable, unknown> =>
    TE.tryCatch(() => send<{ type: "default" }>(writer), unavailableOn(writer));

  const replicated = makeReplicated(writer, minReplicas, commandMs);

  // A change that is repeated changes nothing, and its first reply may only have been lost.
  const again = <A>(task: TE.TaskEither<StoreUnavailable, A>): typeof task =>
    pipe(
      TE.fromTask(connected),
      TE.chain(() => task),
    );

  return {
    client,
    writer,
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
          ({ confirmed }) => confirmed,
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

/**
 * The change that a script makes. It is sent in full: by its digest a server that has just taken
 * over would not know it.
 */
export const scripted =
  ({ lua }: Script) =>
  (keys: readonly [string, ...string[]], args: ReadonlyArray<string | number>): Change => ({
    key: keys[0],
    send: (to) => to.eval(lua, keys.length, ...keys, ...args),
  });
