import { rmSync, statSync } from "node:fs";
import {
  type Connect,
  type Connection,
  closeConnection,
  explain,
  isBusy,
  isDamage,
  isFull,
  rollBack,
} from "./driver.ts";
import { checkVersion, openToWrite } from "./schema.ts";
import { makeWrites, type Writes } from "./writes.ts";

/** A change to make: the name of one of {@link Writes}, and its arguments. */
export type Call = readonly [name: keyof Writes, args: ReadonlyArray<unknown>];

/** The result of a change, or the reason why it was not made. */
export type Outcome = { readonly value: unknown } | { readonly fault: string };

/** The results of calls that were committed together. */
export interface Committed {
  /** One outcome for each call, in the order of the calls. */
  readonly outcomes: ReadonlyArray<Outcome>;
  /** The identity of the open file, if one is open: see {@link identityOf}. */
  readonly identity: string | undefined;
}

/** The one writer of a process. */
export interface Committer {
  /**
   * Makes the changes in one transaction, and returns once it is flushed. If one change fails,
   * tries each in a transaction of its own.
   */
  readonly commit: (calls: ReadonlyArray<Call>) => Committed;
  readonly close: () => void;
}

// How long a transaction of another process may hold the lock before a commit fails. The callers of
// the writer wait longer.
const LOCK_MS = 2_000;

// Between two attempts to get the lock. SQLite's own pauses grow, which starves one of two writers.
const MIN_PAUSE_MS = 0.1;
const MAX_PAUSE_MS = 0.4;

const cell = new Int32Array(new SharedArrayBuffer(4));

/** The file while it is open. */
interface OpenFile {
  readonly connection: Connection;
  readonly writes: Writes;
  readonly identity: string;
  readonly lifetime: string;
  readonly log: string | undefined;
}

/**
 * Opens the file `path` to write, and makes it if it is not there.
 *
 * @throws an Error that says why it cannot be opened.
 */
export const makeCommitter = (connect: Connect, path: string): Committer => {
  let file: OpenFile | undefined;
  // The lifetimes of the files that were in place before this one.
  const former = new Set<string>();

  const open = (): OpenFile => {
    const connection = openToWrite(connect, path);
    file = {
      connection,
      writes: makeWrites(connection, path),
      identity: identityOf(path) ?? "",
      lifetime: lifetimeOf(path),
      log: identityOf(`${path}-wal`),
    };
    return file;
  };

  /** Returns the file, opened again if another one is in its place. */
  const current = (): OpenFile => {
    const identity = identityOf(path);
    if (file !== undefined && identity === file.identity) {
      return file;
    }
    if (identity === undefined) {
      // An operator may have moved the file: write its log back, so that it is complete alone.
      if (file !== undefined) {
        writeBack(file.connection);
      }
      throw new Error(
        `${path} was deleted while it was in use. Put it back, or restart to begin with an empty store.`,
      );
    }
    if (former.has(lifetimeOf(path))) {
      // This process may still have locks on it, and on a log that other processes do not see.
      throw new Error(`${path} is a file again that was replaced before. Restart to use it.`);
    }
    abandon();
    return open();
  };

  /**
   * Closes a file that was replaced. Writes its log back and removes the log, because SQLite would
   * apply that log to the new file.
   */
  const abandon = (): void => {
    if (file === undefined) {
      return;
    }
    const { connection, lifetime, log } = file;
    if (!writeBack(connection)) {
      throw new Error(
        `${path} was replaced while another process works on the file before. ` +
          "Wait for that process, or end it.",
      );
    }
    // Other processes also do this now: the lock keeps two of them from removing the log at once.
    begin(connection);
    if (log !== undefined && identityOf(`${path}-wal`) === log) {
      rmSync(`${path}-wal`, { force: true });
      rmSync(`${path}-shm`, { force: true });
    }
    former.add(lifetime);
    file = undefined;
    closeConnection(connection);
  };

  const transact = ({ connection, writes, identity }: OpenFile, calls: ReadonlyArray<Call>) => {
    try {
      begin(connection);
      checkVersion(connection, path);
      const values = calls.map(([name, args]) => Reflect.apply(writes[name], undefined, args));
      connection.prepare("COMMIT").run();
      if (identityOf(path) !== identity) {
        throw new Error(`${path} was deleted or replaced while it was written.`);
      }
      return values.map((value) => ({ value }));
    } catch (fault) {
      rollBack(connection);
      throw fault;
    }
  };

  const attempt = (calls: ReadonlyArray<Call>): ReadonlyArray<Outcome> => {
    try {
      return transact(current(), calls);
    } catch (fault) {
      return calls.length > 1 && isDamage(fault)
        ? calls.flatMap((call) => attempt([call]))
        : calls.map(() => ({ fault: explain(path, fault) }));
    }
  };

  const isKept = (statSync(path, { throwIfNoEntry: false })?.size ?? 0) > 0;
  try {
    open();
  } catch (fault) {
    // An existing store may not open on a full disk; each commit tries to open it again.
    if (!isKept || !isFull(fault)) {
      throw fault;
    }
  }
  return {
    commit: (calls) => ({ outcomes: attempt(calls), identity: file?.identity }),
    close: () => {
      if (file !== undefined) {
        closeFile(file);
        file = undefined;
      }
    },
  };
};

/** Names the file that is at a path now, or `undefined` if there is none. */
export const identityOf = (path: string): string | undefined => {
  const stats = statSync(path, { throwIfNoEntry: false });
  return stats === undefined ? undefined : `${stats.dev}:${stats.ino}`;
};

/** Names the file that is at a path now. Unlike an identity, a lifetime is never used again. */
const lifetimeOf = (path: string): string => `${identityOf(path)}:${statSync(path).birthtimeMs}`;

/** Begins a write transaction. Waits while another process is in one. */
const begin = (connection: Connection): void => {
  const ends = performance.now() + LOCK_MS;
  for (;;) {
    try {
      connection.prepare("BEGIN IMMEDIATE").run();
      return;
    } catch (fault) {
      if (!isBusy(fault) || performance.now() > ends) {
        throw fault;
      }
      Atomics.wait(cell, 0, 0, MIN_PAUSE_MS + Math.random() * (MAX_PAUSE_MS - MIN_PAUSE_MS));
    }
  }
};

/** Writes the log back into the file. Returns whether all of it is there now. */
const writeBack = (connection: Connection): boolean => {
  const { log, checkpointed } = connection.prepare("PRAGMA wal_checkpoint(TRUNCATE)").get() ?? {};
  return typeof log === "number" && log >= 0 && log === checkpointed;
};

const closeFile = ({ connection }: OpenFile): void => {
  try {
    // SQLite does this when the last connection closes, but a driver may keep one open: see
    // closeConnection.
    writeBack(connection);
  } catch {
    // The changes stay in the log, and the next process reads them from there.
  }
  closeConnection(connection);
};
