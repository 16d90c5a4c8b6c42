import { constants } from "node:fs";
import { mkdir, open } from "node:fs/promises";
import { join } from "node:path";
import { pipe } from "fp-ts/lib/function.js";
import * as TE from "fp-ts/lib/TaskEither.js";
import { type StoreUnavailable, storeUnavailable } from "../../core/domain/errors.ts";
import type { Outbox } from "../../core/ports/outbox.ts";
import type { RelationshipDirectory } from "../../core/ports/relationships.ts";
import type { SettingsRepository } from "../../core/ports/settings-repository.ts";
import { openEnvironment } from "./environment.ts";
import { makeOutbox } from "./outbox.ts";
import { makeRelationships } from "./relationships.ts";
import { makeSettings } from "./settings.ts";

/** The ports that the embedded store serves, and the end of it. */
export interface LmdbStore {
  readonly settings: SettingsRepository;
  readonly outbox: Outbox;
  readonly relationships: RelationshipDirectory;
  /** Waits for what is being written. Whatever is asked afterwards is STORE_UNAVAILABLE. */
  readonly close: () => Promise<void>;
}

/** Where an embedded store lives, and what it goes by. */
export interface LmdbStoreOptions {
  /** A folder on a local disk; it is made if need be. Several processes may open the same one. */
  readonly dir: string;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
  /** How long a write may take, in milliseconds, before its caller is told that it is unknown. */
  readonly deadlineMs?: number;
}

/**
 * Opens the embedded store: a write is acknowledged once it is committed and flushed to the disk.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { mkdtemp } from "node:fs/promises";
 * import { isRight } from "fp-ts/lib/Either.js";
 * import { openLmdbStore } from "sealtalk-misc/lmdb";
 *
 * const store = await openLmdbStore({ dir: await mkdtemp("/tmp/misc-") })();
 * assert.ok(isRight(store));
 * await store.right.close();
 * ```
 */
export const openLmdbStore = ({
  dir,
  now = Date.now,
  deadlineMs = 3_000,
}: LmdbStoreOptions): TE.TaskEither<StoreUnavailable, LmdbStore> =>
  pipe(
    TE.tryCatch(
      () => mkdir(dir, { recursive: true, mode: 0o700 }),
      () => storeUnavailable(`the folder ${dir} cannot be made`),
    ),
    TE.map(() => join(dir, "store.mdb")),
    TE.chainFirst(refuseForeignFile),
    TE.chainEitherK((path) => openEnvironment(path, deadlineMs)),
    TE.map((environment) => {
      const outbox = makeOutbox(environment, now);
      return {
        settings: makeSettings(environment, outbox),
        outbox: outbox.outbox,
        relationships: makeRelationships(environment),
        close: environment.close,
      };
    }),
  );

// LMDB's own mark, in the first page's header: lmdb crashes the process on a file without it.
const MAGIC = Buffer.from([0xde, 0xc0, 0xef, 0xbe]);
const MAGIC_AT = 24;

const refuseForeignFile = (path: string): TE.TaskEither<StoreUnavailable, void> =>
  pipe(
    TE.tryCatch(
      () => headOf(path),
      () => storeUnavailable(`the file ${path} cannot be read`),
    ),
    TE.filterOrElse(
      (head) => head.length === 0 || head.subarray(MAGIC_AT).equals(MAGIC),
      () => storeUnavailable(`the file ${path} is not an LMDB store`),
    ),
    TE.map(() => undefined),
  );

const headOf = async (path: string): Promise<Buffer> => {
  const file = await open(path, constants.O_RDWR | constants.O_CREAT, 0o600);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(MAGIC_AT + MAGIC.length), 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
};
