import { mkdir } from "node:fs/promises";
import { resolve } from "node:path";
import { pipe } from "fp-ts/lib/function.js";
import * as TE from "fp-ts/lib/TaskEither.js";
import {
  type ImportableSettings,
  type Outbox,
  type RelationshipDirectory,
  type StoreTransfer,
  type StoreUnavailable,
  storeUnavailable,
} from "../../core/mod.ts";
import { explain, loadDriver } from "./driver.ts";
import { openSqliteFile, type SqliteFile } from "./file.ts";
import { makeOutbox } from "./outbox.ts";
import { makeRelationships } from "./relationships.ts";
import { makeSettings } from "./settings.ts";
import { makeTransfer } from "./transfer.ts";

/** The ports of the embedded store, and a way to close it. */
export interface SqliteStore {
  readonly settings: ImportableSettings;
  readonly outbox: Outbox;
  readonly relationships: RelationshipDirectory;
  readonly transfer: StoreTransfer;
  /** Waits for pending changes, and closes. Later calls fail with STORE_UNAVAILABLE. */
  readonly close: () => Promise<void>;
}

/** Where an embedded store is, and how it works. */
export interface SqliteStoreOptions {
  /** A folder on a local disk, which is made if it is missing. The store is the file `store.db` in it. */
  readonly dir: string;
  /**
   * Whether changes are made on a separate thread, so that a flush does not block the event loop. A
   * short program opens the store faster without a thread.
   * @default true
   */
  readonly thread?: boolean;
  /**
   * Returns milliseconds since the epoch.
   * @default Date.now
   */
  readonly now?: () => number;
  /**
   * How long a change may take, in milliseconds, before it fails with STORE_UNAVAILABLE. It may
   * still have been made.
   * @default 3_000
   */
  readonly deadlineMs?: number;
}

/**
 * Returns the path of the store in a folder.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { storePath } from "sealtalk-misc/sqlite";
 *
 * assert.equal(storePath("/var/lib/misc"), "/var/lib/misc/store.db");
 * ```
 */
export const storePath = (dir: string): string => resolve(dir, "store.db");

/**
 * Opens the embedded store: a change is acknowledged once it is committed and flushed to the disk.
 * Any number of processes of one machine may open the same folder.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { mkdtemp } from "node:fs/promises";
 * import { isRight } from "fp-ts/lib/Either.js";
 * import { openSqliteStore } from "sealtalk-misc/sqlite";
 *
 * const store = await openSqliteStore({ dir: await mkdtemp("/tmp/misc-") })();
 * assert.ok(isRight(store));
 * await store.right.close();
 * ```
 */
export const openSqliteStore = ({
  dir,
  thread = true,
  now = Date.now,
  deadlineMs = 3_000,
}: SqliteStoreOptions): TE.TaskEither<StoreUnavailable, SqliteStore> => {
  const path = storePath(dir);
  return pipe(
    TE.tryCatch(
      async () => {
        await mkdir(dir, { recursive: true, mode: 0o700 });
        return openSqliteFile(await loadDriver(), { path, deadlineMs, thread });
      },
      (fault) => storeUnavailable(explain(path, fault)),
    ),
    TE.map((file) => makeStore(file, now)),
  );
};

const makeStore = (file: SqliteFile, now: () => number): SqliteStore => {
  const outbox = makeOutbox(file, now);
  return {
    settings: makeSettings(file, outbox),
    outbox: outbox.outbox,
    relationships: makeRelationships(file),
    transfer: makeTransfer(file),
    close: file.close,
  };
};
