import { accessSync, closeSync, constants, openSync, statSync } from "node:fs";
import { type Connect, type Connection, closeConnection } from "./driver.ts";

/** Marks the file as one of ours: "STMS" in ASCII. */
const APPLICATION_ID = 0x5354_4d53;

/** The version of the tables below. This program refuses a file of a later version. */
const SCHEMA_VERSION = 1;

/**
 * `statuses`: the notice status of a conversation, one column as set here, one as imported.
 * `queues`: the conversations that have notices. The head of a queue may be claimed at `due_at`; if
 * `token` is not 0, it is claimed until then. `reason` is why the head was postponed.
 * `notices`: the notices that wait, in the order of their positions.
 * `counts`: the number of notices by state and reason, so that the status needs no full scan.
 * `numbers`: the last fencing token, and the last write of a readiness probe.
 * `received`: how many records of an export were written here.
 */
const TABLES = `
CREATE TABLE statuses (
  conversation TEXT NOT NULL PRIMARY KEY,
  status INTEGER CHECK (status IN (0, 1)),
  imported INTEGER CHECK (imported IN (0, 1))
) STRICT, WITHOUT ROWID;
CREATE TABLE queues (
  conversation TEXT NOT NULL PRIMARY KEY,
  type TEXT NOT NULL,
  due_at INTEGER NOT NULL,
  token INTEGER NOT NULL DEFAULT 0,
  reason TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX queues_due ON queues (type, due_at);
CREATE INDEX queues_claimed ON queues (due_at) WHERE token > 0;
CREATE TABLE notices (
  conversation TEXT NOT NULL,
  position INTEGER NOT NULL,
  notice TEXT NOT NULL,
  attempts INTEGER NOT NULL,
  stored_at INTEGER NOT NULL,
  PRIMARY KEY (conversation, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX notices_by_age ON notices (stored_at);
CREATE TABLE dead_letters (
  id INTEGER PRIMARY KEY,
  conversation TEXT NOT NULL,
  type TEXT NOT NULL,
  notice TEXT NOT NULL,
  reason TEXT NOT NULL,
  attempts INTEGER NOT NULL,
  stored_at INTEGER NOT NULL,
  died_at INTEGER NOT NULL
) STRICT;
CREATE INDEX dead_letters_by_death ON dead_letters (died_at);
CREATE TABLE counts (
  state TEXT NOT NULL,
  reason TEXT NOT NULL,
  count INTEGER NOT NULL,
  PRIMARY KEY (state, reason)
) STRICT, WITHOUT ROWID;
CREATE TABLE friends (
  user TEXT NOT NULL,
  friend TEXT NOT NULL,
  PRIMARY KEY (user, friend)
) STRICT, WITHOUT ROWID;
CREATE TABLE members (
  group_id TEXT NOT NULL,
  user TEXT NOT NULL,
  PRIMARY KEY (group_id, user)
) STRICT, WITHOUT ROWID;
CREATE TABLE received (
  export_id TEXT NOT NULL PRIMARY KEY,
  records INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE numbers (
  name TEXT NOT NULL PRIMARY KEY,
  value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO numbers VALUES ('token', 0), ('probe', 0);
PRAGMA application_id = ${APPLICATION_ID};
PRAGMA user_version = ${SCHEMA_VERSION};`;

// The size in bytes to which SQLite truncates the log after a checkpoint.
const JOURNAL_SIZE_LIMIT = 16 * 2 ** 20;

// How long opening waits for another process that makes or recovers the file.
const OPEN_BUSY_MS = 2_000;

// A read waits only while a process recovers the log after a crash. The wait blocks the event loop.
const READ_BUSY_MS = 100;

/**
 * Opens the store's file to write, and makes it and its tables if it is new or empty.
 *
 * @throws what SQLite throws, and an Error if the file is not a store of this version.
 */
export const openToWrite = (connect: Connect, path: string): Connection => {
  makeFile(path);
  const connection = connect(path);
  try {
    connection.exec(`PRAGMA busy_timeout = ${OPEN_BUSY_MS}`);
    if (!isEmpty(connection)) {
      checkVersion(connection, path);
    }
    connection.exec("PRAGMA journal_mode = WAL");
    connection.exec("PRAGMA synchronous = FULL; PRAGMA fullfsync = ON");
    connection.exec(`PRAGMA journal_size_limit = ${JOURNAL_SIZE_LIMIT}`);
    connection.exec("BEGIN IMMEDIATE");
    refuseCut(connection, path);
    if (isEmpty(connection)) {
      connection.exec(TABLES);
    }
    checkVersion(connection, path);
    connection.exec("COMMIT");
    // The committer waits for the lock itself, because SQLite's own pauses grow to 100 ms.
    connection.exec("PRAGMA busy_timeout = 0");
    return connection;
  } catch (fault) {
    closeConnection(connection);
    throw fault;
  }
};

/** Opens the store's file to read. The writer has made it and checked its version before. */
export const openToRead = (connect: Connect, path: string): Connection => {
  const connection = connect(path, { readOnly: true });
  try {
    connection.exec(`PRAGMA busy_timeout = ${READ_BUSY_MS}`);
    checkVersion(connection, path);
    return connection;
  } catch (fault) {
    closeConnection(connection);
    throw fault;
  }
};

/** Throws unless the file is a store whose tables this version knows. */
export const checkVersion = (connection: Connection, path: string): void => {
  if (pragma(connection, "application_id") !== APPLICATION_ID) {
    throw new Error(
      `${path} is a SQLite file, but not a store of sealtalk-misc. ` +
        "Move it away, or set DATA_DIR to another folder.",
    );
  }
  const version = pragma(connection, "user_version");
  if (version > SCHEMA_VERSION) {
    throw new Error(
      `${path} was written by a newer version of sealtalk-misc (schema ${version}; ` +
        `this version knows ${SCHEMA_VERSION}). Use that version, or restore a backup that this version made.`,
    );
  }
};

const isEmpty = (connection: Connection): boolean =>
  pragma(connection, "application_id") === 0 &&
  connection.prepare("SELECT 1 FROM sqlite_schema LIMIT 1").get() === undefined;

/** Reads a pragma that is a number. */
const pragma = (connection: Connection, name: string): number =>
  Number(Object.values(connection.prepare(`PRAGMA ${name}`).get() ?? {})[0]);

/** Checks the whole file. Returns the first fault, or `undefined` if there is none. */
export const integrityFault = (connection: Connection): string | undefined => {
  const found = String(
    Object.values(connection.prepare("PRAGMA integrity_check(1)").get() ?? {})[0],
  );
  return found === "ok" ? undefined : found;
};

/**
 * Makes the file if there is none. Only its user may read it; SQLite would follow the umask. Does
 * not open a file that exists, because closing it would end the locks that this process has on it
 * (https://www.sqlite.org/howtocorrupt.html, section 2.2).
 */
const makeFile = (path: string): void => {
  try {
    closeSync(openSync(path, "wx", 0o600));
  } catch (fault) {
    if (!(fault instanceof Error && "code" in fault && fault.code === "EEXIST")) {
      throw fault;
    }
    // SQLite would open a read-only file without an error, and later writes would still fail
    // after the file is made writable.
    accessSync(path, constants.W_OK);
  }
};

/**
 * Throws if the file was cut short: the file and its log together must have room for all pages.
 * SQLite checks this only if there is no log.
 */
const refuseCut = (connection: Connection, path: string): void => {
  const expected = pragma(connection, "page_count") * pragma(connection, "page_size");
  if (sizeOf(path) + sizeOf(`${path}-wal`) < expected) {
    throw new Error(
      `${path} is damaged: it was cut short. Restore a backup: sealtalk-misc restore FILE.`,
    );
  }
};

const sizeOf = (path: string): number => statSync(path, { throwIfNoEntry: false })?.size ?? 0;
