/**
 * The embedded store where there can be none: what `sealtalk-misc/lmdb` is to a Worker and a browser,
 * so that who tries hears why in place of a bundler's or a linker's words.
 *
 * @module
 */
import * as TE from "fp-ts/lib/TaskEither.js";
import { storeUnavailable } from "../../core/mod.ts";
import type { openLmdbStore as open } from "./store.ts";

export type { LmdbStore } from "./backend.ts";
export type { LmdbStoreOptions } from "./store.ts";

/** Answers STORE_UNAVAILABLE. */
export const openLmdbStore: typeof open = () =>
  TE.left(
    storeUnavailable(
      "LMDB is native code on a local disk: it runs on Node, Deno and Bun, not in a Worker or a browser",
    ),
  );
