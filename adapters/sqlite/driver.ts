/** A value of a column. The store has no blobs and no integers beyond 2^53. */
export type Value = string | number | null;

/** A row of an answer, not yet decoded. */
export type Row = Readonly<Record<string, unknown>>;

/** A prepared statement. */
export interface Statement {
  readonly get: (...parameters: ReadonlyArray<Value>) => Row | undefined;
  readonly all: (...parameters: ReadonlyArray<Value>) => ReadonlyArray<Row>;
  readonly run: (...parameters: ReadonlyArray<Value>) => { readonly changes: number | bigint };
}

/** An open connection to a database file, with the part of `node:sqlite` that the store needs. */
export interface Connection {
  readonly exec: (sql: string) => void;
  /** Prepares a statement once; the same text gives the same statement again. */
  readonly prepare: (sql: string) => Statement;
  readonly close: () => void;
}

/** Opens a connection to a file. */
export type Connect = (path: string, options?: { readonly readOnly: boolean }) => Connection;

const MISSING =
  "No SQLite driver found. Use Node 22.13 or later, Deno or Bun, which have one built in, " +
  "or run `npm install @photostructure/sqlite@1.2.1`.";

/**
 * Loads SQLite: the runtime's own, or `@photostructure/sqlite` on Node 20, which has none.
 *
 * @throws an Error that says what to install if there is neither.
 */
export const loadDriver = async (): Promise<Connect> => {
  const { DatabaseSync } = await withoutWarning(() =>
    import("node:sqlite").catch(() =>
      import("@photostructure/sqlite").catch(() => {
        throw new Error(MISSING);
      }),
    ),
  );
  return (path, options = { readOnly: false }) => {
    const database = new DatabaseSync(path, options);
    const statements = new Map<string, Statement>();
    return {
      exec: (sql) => database.exec(sql),
      prepare: (sql) => {
        const statement = statements.get(sql) ?? database.prepare(sql);
        statements.set(sql, statement);
        return statement;
      },
      close: () => {
        // @photostructure/sqlite cannot finalize a statement: the file stays open until the garbage
        // collector frees the statements.
        statements.clear();
        database.close();
      },
    };
  };
};

/** Loads a module, and hides Node's warning that SQLite is experimental meanwhile. */
const withoutWarning = async <A>(load: () => Promise<A>): Promise<A> => {
  const { emitWarning } = process;
  Object.assign(process, {
    emitWarning: (warning: unknown, ...rest: ReadonlyArray<unknown>) => {
      if (!/^SQLite is an experimental feature/.test(String(warning))) {
        Reflect.apply(emitWarning, process, [warning, ...rest]);
      }
    },
  });
  try {
    return await load();
  } finally {
    Object.assign(process, { emitWarning });
  }
};

/**
 * Ends the transaction of a connection, if it has one, and closes it. `@photostructure/sqlite` cannot
 * finalize statements: a closed connection keeps its locks until the garbage collector frees them.
 */
export const closeConnection = (connection: Connection): void => {
  rollBack(connection);
  connection.close();
};

/** Ends the transaction of a connection, if it has one. */
export const rollBack = (connection: Connection): void => {
  try {
    connection.exec("ROLLBACK");
  } catch {
    // There is no transaction. SQLite rolls it back by itself when the disk is full or fails.
  }
};

// Primary result codes of SQLite: https://www.sqlite.org/rescode.html
const BUSY = 5;
const NOMEM = 7;
const READONLY = 8;
const IOERR = 10;
const CORRUPT = 11;
const FULL = 13;
const CANTOPEN = 14;
const CONSTRAINT = 19;
const NOTADB = 26;

// No room for the index of the log, which is a file of its own.
const IOERR_SHMSIZE = IOERR | (19 << 8);

// The result codes that match the file system errors that Node throws.
const CODES: Readonly<Record<string, number>> = {
  EACCES: CANTOPEN,
  EIO: IOERR,
  ENOSPC: FULL,
  EPERM: CANTOPEN,
  EROFS: READONLY,
};

// The codes of errors that affect the whole store, and not one row or page.
const STORE_WIDE: ReadonlyArray<number> = [BUSY, NOMEM, READONLY, IOERR, FULL, CANTOPEN];

/** Whether SQLite refused a statement because another connection holds the lock. */
export const isBusy = (fault: unknown): boolean => resultCode(fault) === BUSY;

/** Whether there is no room on the disk. */
export const isFull = (fault: unknown): boolean => resultCode(fault) === FULL;

/** Whether SQLite refused a value because a constraint of its column forbids it. */
export const isConstraint = (fault: unknown): boolean => resultCode(fault) === CONSTRAINT;

/** Whether a statement failed because of a row, a page or a value, so that others may still work. */
export const isDamage = (fault: unknown): boolean => {
  const code = resultCode(fault);
  return code === undefined || !STORE_WIDE.includes(code);
};

/** Returns SQLite's primary result code of an error, or `undefined` if there is none for it. */
const resultCode = (fault: unknown): number | undefined => {
  if (fault instanceof Error && "errcode" in fault && typeof fault.errcode === "number") {
    return fault.errcode === IOERR_SHMSIZE ? FULL : fault.errcode & 0xff;
  }
  return fault instanceof Error && "code" in fault ? CODES[String(fault.code)] : undefined;
};

const RECOVERS = "a running server recovers without a restart";

/** Describes why a file could not be used, and what an operator can do about it. */
export const explain = (path: string, fault: unknown): string => {
  if (fault instanceof Error && !("code" in fault)) {
    // An error of this store: its message is complete.
    return fault.message;
  }
  const detail = detailOf(fault);
  switch (resultCode(fault)) {
    case BUSY:
      return `Cannot use ${path}: another process keeps it locked (${detail}). Wait for that process, or end it; ${RECOVERS}.`;
    case READONLY:
      return `Cannot write ${path}: the file, its folder or its disk is read-only (${detail}). Make it writable; ${RECOVERS}.`;
    case IOERR:
      return `Cannot use ${path}: the disk failed (${detail}). Check the disk; ${RECOVERS}.`;
    case FULL:
      return `Cannot write ${path}: the disk is full (${detail}). Free some space; ${RECOVERS}.`;
    case CANTOPEN:
      return `Cannot open ${path} (${detail}). Check the folder and the rights of this user.`;
    case CORRUPT:
    case NOTADB:
      return `${path} is damaged or is not a SQLite file (${detail}). Restore a backup that is whole: sealtalk-misc restore FILE.`;
    default:
      return `Cannot use ${path}: ${detail}.`;
  }
};

const detailOf = (fault: unknown): string => {
  if (!(fault instanceof Error)) {
    return String(fault);
  }
  const extended =
    "errcode" in fault && typeof fault.errcode === "number" && fault.errcode > 0xff
      ? `, SQLite code ${fault.errcode}`
      : "";
  return `${fault.message}${extended}`;
};
