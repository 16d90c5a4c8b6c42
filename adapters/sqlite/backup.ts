import {
  chownSync,
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
} from "node:fs";
import { dirname, resolve } from "node:path";
import * as TE from "fp-ts/lib/TaskEither.js";
import { type StoreUnavailable, storeUnavailable } from "../../core/mod.ts";
import {
  type Connect,
  type Connection,
  explain,
  isBusy,
  isDamage,
  isFull,
  loadDriver,
} from "./driver.ts";
import { checkVersion, integrityFault } from "./schema.ts";
import { storePath } from "./store.ts";

/**
 * Copies the store of a folder into a new file, while servers use it: the copy is the store as it
 * was at one moment. It is checked and flushed before it gets its name.
 *
 * STORE_UNAVAILABLE: there is no store, `file` exists already, or the copy is damaged.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { mkdtemp } from "node:fs/promises";
 * import { isRight } from "fp-ts/lib/Either.js";
 * import { backUpSqliteStore, openSqliteStore } from "sealtalk-misc/sqlite";
 *
 * const dir = await mkdtemp("/tmp/misc-");
 * const store = await openSqliteStore({ dir })();
 * assert.ok(isRight(store));
 * assert.ok(isRight(await backUpSqliteStore(dir, `${dir}/backup.db`)()));
 * await store.right.close();
 * ```
 */
export const backUpSqliteStore = (
  dir: string,
  file: string,
): TE.TaskEither<StoreUnavailable, void> =>
  attempt(resolve(file), async (to) => {
    if (existsSync(to)) {
      throw new Error(`${to} exists already. Name a new file.`);
    }
    copyStore(await loadDriver(), storePath(dir), to);
  });

/**
 * Replaces the store of a folder with a backup. Returns the path where the earlier store is kept,
 * if there was one.
 *
 * STORE_UNAVAILABLE: `file` is damaged or not a store, or a process has the store open.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { isLeft } from "fp-ts/lib/Either.js";
 * import { restoreSqliteStore } from "sealtalk-misc/sqlite";
 *
 * const restored = await restoreSqliteStore("/tmp/misc", "/nowhere/backup.db")();
 * assert.ok(isLeft(restored));
 * assert.equal(restored.left.cause, "There is no backup at /nowhere/backup.db.");
 * ```
 */
export const restoreSqliteStore = (
  dir: string,
  file: string,
): TE.TaskEither<StoreUnavailable, string | undefined> =>
  attempt(storePath(dir), async (path) => {
    const from = resolve(file);
    if (!existsSync(from)) {
      throw new Error(`There is no backup at ${from}.`);
    }
    const connect = await loadDriver();
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    const restored = `${path}.restored`;
    rmSync(restored, { force: true });
    copyStore(connect, from, restored);
    try {
      keepOwner(existsSync(path) ? path : dir, restored);
      const earlier = setAside(connect, path);
      renameSync(restored, path);
      flush(dirname(path));
      return earlier;
    } finally {
      rmSync(restored, { force: true });
    }
  });

const attempt = <A>(
  path: string,
  action: (path: string) => Promise<A>,
): TE.TaskEither<StoreUnavailable, A> =>
  TE.tryCatch(
    () => action(path),
    (fault) => storeUnavailable(explain(path, fault)),
  );

/** Copies a store in one snapshot. The copy has no log, and only its owner may read it. */
const copyStore = (connect: Connect, from: string, to: string): void => {
  if (!existsSync(from)) {
    throw new Error(`There is no store at ${from}.`);
  }
  const part = `${to}.part`;
  if (existsSync(part)) {
    throw new Error(
      `${part} exists. Another command is writing it, or was killed: in that case, remove it.`,
    );
  }
  closeSync(openSync(part, "wx", 0o600));
  try {
    using(connect(from, { readOnly: true }), (source) => {
      checkVersion(source, from);
      source.prepare("VACUUM INTO ?").run(part);
    });
    using(connect(part, { readOnly: true }), (copy) => {
      const damage = integrityFault(copy);
      if (damage !== undefined) {
        throw new Error(`${from} is damaged: ${damage}.`);
      }
    });
  } catch (fault) {
    rmSync(part, { force: true });
    // Only the copy is written, so the disk of the copy is the full one.
    throw new Error(explain(isFull(fault) ? to : from, fault));
  }
  flush(part);
  renameSync(part, to);
  flush(dirname(to));
};

/** Gives `file` the owner of `like`, so that the servers can use a store that root restored. */
const keepOwner = (like: string, file: string): void => {
  const { uid, gid } = statSync(like);
  try {
    chownSync(file, uid, gid);
  } catch {
    // Only root may give a file to another user.
  }
};

/** Writes the log back into the store and renames the store. Fails if a process has it open. */
const setAside = (connect: Connect, path: string): string | undefined => {
  if (!existsSync(path)) {
    return undefined;
  }
  try {
    using(connect(path), (store) => {
      // Succeeds only while no other connection is open.
      store.exec("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; COMMIT");
      // SQLite would apply a log that stays to the new file.
      store.exec("PRAGMA wal_checkpoint(TRUNCATE)");
    });
  } catch (fault) {
    if (isBusy(fault)) {
      throw new Error(`${path} is in use. Stop every server that uses it, then try again.`);
    }
    if (!isDamage(fault)) {
      throw fault;
    }
  }
  const earlier = `${path}.${new Date().toISOString().replaceAll(/[:.]/g, "-")}`;
  for (const suffix of ["-wal", ""].filter((one) => existsSync(path + one))) {
    renameSync(path + suffix, earlier + suffix);
  }
  // SQLite rebuilds this index from the log.
  rmSync(`${path}-shm`, { force: true });
  return earlier;
};

const using = (connection: Connection, action: (connection: Connection) => void): void => {
  try {
    action(connection);
  } finally {
    connection.close();
  }
};

const flush = (path: string): void => {
  const descriptor = openSync(path, "r");
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
};
