/**
 * Replaces `sealtalk-misc/sqlite` in a Worker and in a browser, so that a program gets an error
 * with the reason instead of a bundler error.
 *
 * @module
 */
import * as TE from "fp-ts/lib/TaskEither.js";
import { type StoreUnavailable, storeUnavailable } from "../../core/mod.ts";
import type { backUpSqliteStore as backUp, restoreSqliteStore as restore } from "./backup.ts";
import type { openSqliteStore as open, storePath as path } from "./store.ts";

export type { SqliteStore, SqliteStoreOptions } from "./store.ts";

const unsupported: TE.TaskEither<StoreUnavailable, never> = TE.left(
  storeUnavailable(
    "The SQLite store needs a local disk and threads: it runs on Node, Deno and Bun, not in a Worker or a browser",
  ),
);

/** Fails with STORE_UNAVAILABLE. */
export const openSqliteStore: typeof open = () => unsupported;

/** Fails with STORE_UNAVAILABLE. */
export const backUpSqliteStore: typeof backUp = () => unsupported;

/** Fails with STORE_UNAVAILABLE. */
export const restoreSqliteStore: typeof restore = () => unsupported;

/** Returns the path that a store in this folder has on other runtimes. */
export const storePath: typeof path = (dir) => `${dir}/store.db`;
