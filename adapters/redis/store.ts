import type * as TE from "fp-ts/lib/TaskEither.js";
import type {
  ImportableSettings,
  Outbox,
  RelationshipDirectory,
  StoreTransfer,
  StoreUnavailable,
} from "../../core/mod.ts";
import type { Client, RedisConnectionOptions } from "./client.ts";
import { connect } from "./connection.ts";
import { durabilityRisks } from "./durability.ts";
import { makeKeys } from "./keys.ts";
import { makeOutbox } from "./outbox.ts";
import { makeRelationships } from "./relationships.ts";
import { makeSettings } from "./settings.ts";
import { makeTransfer } from "./transfer.ts";

/** The ports that a Redis store serves, and the end of it. */
export interface RedisStore {
  readonly settings: ImportableSettings;
  readonly outbox: Outbox;
  readonly relationships: RelationshipDirectory;
  readonly transfer: StoreTransfer;
  /** How the servers' own settings can lose what was acknowledged, one sentence for each. */
  readonly risks: TE.TaskEither<StoreUnavailable, ReadonlyArray<string>>;
  /** The client, for what counts beside the store. */
  readonly client: Client;
  /** Ends the connections; whatever is asked afterwards is STORE_UNAVAILABLE. */
  readonly close: () => Promise<void>;
}

/** Where a Redis store is, and what it goes by. */
export interface RedisStoreOptions extends RedisConnectionOptions {
  /** What every key begins with. */
  readonly prefix?: string;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
}

/**
 * Opens a store on Redis: one node, a primary that Sentinels know, or a Cluster. Any number of
 * processes may share it. A server that is away is no fault here: each call says so until it is back.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { openRedisStore } from "sealtalk-misc/redis";
 *
 * const { settings, close } = await openRedisStore({ urls: ["redis://127.0.0.1:1"] });
 * assert.equal((await settings.noticeStatus("group:7")())._tag, "Left");
 * await close();
 * ```
 */
export const openRedisStore = async ({
  prefix = "sealtalk-misc:",
  now = Date.now,
  ...options
}: RedisStoreOptions): Promise<RedisStore> => {
  const connection = await connect(options);
  const keys = makeKeys(prefix);
  const newId = (): string => crypto.randomUUID();
  const outbox = makeOutbox(connection, keys, { now, newId });
  const relationships = makeRelationships(connection, keys, newId);
  return {
    settings: makeSettings(connection, keys, outbox),
    outbox: outbox.outbox,
    relationships,
    transfer: makeTransfer(connection, keys, outbox, relationships),
    risks: durabilityRisks(connection, { minReplicas: options.minReplicas ?? 0, now }),
    client: connection.client,
    close: connection.close,
  };
};
