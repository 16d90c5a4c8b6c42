import calculateSlot from "cluster-key-slot";
import * as TE from "fp-ts/lib/TaskEither.js";
import { Cluster } from "ioredis";
import type { StoreUnavailable } from "../../core/mod.ts";
import type { Change, Client } from "./client.ts";
import { unavailableOn } from "./fault.ts";

/** What became of a change: its answer, and whether enough replicas have it. */
export interface Replicated {
  readonly answer: unknown;
  readonly confirmed: boolean;
}

/** How a server tells what its replicas have. */
interface Confirmation {
  readonly command: "WAIT" | "WAITAOF";
  readonly args: ReadonlyArray<number>;
  readonly replicasIn: (reply: unknown) => number;
}

interface Waiting {
  readonly change: Change;
  readonly done: (outcome: Replicated) => void;
  readonly failed: (fault: unknown) => void;
}

/** A replica that flushes its file once a second confirms a second later at the latest. */
export const MOST_WAITED_MS = 1_500;

const MOST_AT_ONCE = 256;

/**
 * Makes changes and waits for replicas to have them. The two go together, over one connection: WAIT
 * counts what has gone over its own, and of a Cluster's nodes the one that took the change is to be
 * asked. Nothing else is answered there meanwhile, so what comes while a node's replicas are waited
 * for goes to it as one, with one WAIT.
 */
export const makeReplicated = (
  writer: Client,
  minReplicas: number,
  commandMs: number,
): ((change: Change) => TE.TaskEither<StoreUnavailable, Replicated>) => {
  const groups = new Map<string, Waiting[]>();
  let known: Confirmation | undefined;

  const confirmation = async (): Promise<Confirmation> => {
    known ??= (await flushesFiles(writer))
      ? {
          command: "WAITAOF",
          args: [1, minReplicas, MOST_WAITED_MS],
          replicasIn: (reply) => (Array.isArray(reply) && reply[0] === 1 ? Number(reply[1]) : 0),
        }
      : { command: "WAIT", args: [minReplicas, commandMs / 4], replicasIn: Number };
    return known;
  };

  const send = async (batch: ReadonlyArray<Waiting>): Promise<void> => {
    const { command, args, replicasIn } = await confirmation();
    const pipeline = writer.pipeline();
    for (const { change } of batch) {
      change.send(pipeline);
    }
    const replies = (await pipeline.call(command, ...args).exec()) ?? [];
    const [fault, reply] = replies[batch.length] ?? [];
    for (const [index, { done, failed }] of batch.entries()) {
      const [refused, answer] = replies[index] ?? [];
      if (refused ?? fault) {
        failed(refused ?? fault);
      } else {
        done({ answer, confirmed: replicasIn(reply) >= minReplicas });
      }
    }
  };

  const sendAll = async (group: string, waiting: Waiting[]): Promise<void> => {
    while (waiting.length > 0) {
      const batch = waiting.splice(0, MOST_AT_ONCE);
      await send(batch).catch((fault) => {
        for (const { failed } of batch) {
          failed(fault);
        }
      });
    }
    groups.delete(group);
  };

  return (change) =>
    TE.tryCatch(
      () =>
        new Promise((done, failed) => {
          const group = nodeOf(writer, change.key);
          const waiting = groups.get(group);
          if (waiting !== undefined) {
            waiting.push({ change, done, failed });
            return;
          }
          const first = [{ change, done, failed }];
          groups.set(group, first);
          sendAll(group, first);
        }),
      unavailableOn(writer),
    );
};

/** A name for who has a key, by the client's own table. */
const nodeOf = (client: Client, key: string): string =>
  client instanceof Cluster ? (client.slots[calculateSlot(key)]?.join() ?? "") : "";

/** Whether a server keeps a file, and can tell whether its replicas have flushed theirs. */
const flushesFiles = async (client: Client): Promise<boolean> => {
  try {
    const [commands, persistence] = await Promise.all([
      client.call("COMMAND", "INFO", "WAITAOF"),
      client.info("persistence"),
    ]);
    return Array.isArray(commands) && commands[0] !== null && /aof_enabled:1/.test(persistence);
  } catch (fault) {
    if (IS_REFUSED.test(String(fault))) {
      return false;
    }
    throw fault;
  }
};

const IS_REFUSED = /NOPERM|unknown command|unknown subcommand/i;
