/**
 * The embedded store where there can be none: what `sealtalk-misc/sqlite` is in a Worker and in a
 * browser, so that a program hears why instead of a bundler's words.
 *
 * @module
 */
import * as TE from "fp-ts/lib/TaskEither.js";
import { storeUnavailable } from "../../core/mod.ts";
import type { openSqliteStore as open } from "./store.ts";

export type { SqliteStore, SqliteStoreOptions } from "./store.ts";

/** Answers STORE_UNAVAILABLE. */
export const openSqliteStore: typeof open = () =>
  TE.left(
    storeUnavailable(
      "The SQLite store needs a local disk and threads: it runs on Node, Deno and Bun, not in a Worker or a browser",
    ),
  );
