import * as E from "fp-ts/lib/Either.js";
import { pipe } from "fp-ts/lib/function.js";
import type * as IOE from "fp-ts/lib/IOEither.js";
import * as TE from "fp-ts/lib/TaskEither.js";
import { type Database, type Key, open, type RootDatabase } from "lmdb";
import type { StoreUnavailable } from "../../core/mod.ts";
import { unavailable } from "./reason.ts";

/** A table as it is open at the moment. */
export interface TableInFile {
  readonly database: Database<unknown, Key>;
}

/** LMDB's file: open, or given up until it is opened anew. */
export interface LmdbFile {
  /** Opens a table; it throws what lmdb throws. */
  readonly table: (name: string) => TableInFile;
  /** Whether the file is open, and if not, why. lmdb crashes the process when a closed one is used. */
  readonly state: () => E.Either<StoreUnavailable, void>;
  /** Runs `actions` in a transaction, commits and flushes it. Never two at a time. */
  readonly transaction: (actions: () => void) => TE.TaskEither<StoreUnavailable, void>;
  /** Opens it again, if it was given up. */
  readonly reopen: IOE.IOEither<StoreUnavailable, void>;
  readonly close: () => Promise<void>;
}

/** Opens the file `path`, which no other process may have open. */
export const openFile = (path: string): E.Either<StoreUnavailable, LmdbFile> =>
  pipe(
    openRoot(path),
    E.map((root) => makeFile(path, root)),
  );

type Root = RootDatabase<unknown, Key>;

const openRoot = (path: string): E.Either<StoreUnavailable, Root> =>
  attempt(() =>
    open<unknown, Key>({
      path,
      // With overlapping syncs, the default but on Windows, a transaction resolves before its flush.
      overlappingSync: false,
      // With it, a commit that fails rejects a promise that nobody holds, which ends the process.
      eventTurnBatching: false,
    }),
  );

const openTable = (root: Root, name: string): Database<unknown, Key> =>
  root.openDB({ name, encoding: "json" });

const makeFile = (path: string, opened: Root): LmdbFile => {
  const tables = new Map<string, { database: Database<unknown, Key> }>();
  let root = opened;
  let state: E.Either<StoreUnavailable, void> = E.right(undefined);

  const openAnew = (): E.Either<StoreUnavailable, void> => {
    const anew = openRoot(path);
    if (E.isLeft(anew)) {
      return anew;
    }
    root = anew.right;
    const opened = attempt(() => {
      for (const [name, table] of tables) {
        table.database = openTable(root, name);
      }
    });
    if (E.isLeft(opened)) {
      root.close();
    }
    return opened;
  };

  const reopen: LmdbFile["reopen"] = () => {
    if (E.isLeft(state)) {
      state = openAnew();
    }
    return state;
  };

  /** LMDB gives its environment up when it could not say on the disk which transaction is the last. */
  const recover = async (fault: StoreUnavailable): Promise<void> => {
    if (isGivenUp(root)) {
      state = E.left(fault);
      // It is given up all the same when it does not close well.
      await TE.tryCatch(() => root.close(), unavailable)();
      reopen();
    }
  };

  return {
    table: (name) => {
      const table = { database: openTable(root, name) };
      tables.set(name, table);
      return table;
    },
    state: () => state,
    transaction: (actions) => async () => {
      try {
        await root.transaction(actions);
        return E.right(undefined);
      } catch (rejection) {
        const fault = unavailable(await commitFault(rejection));
        await recover(fault);
        return E.left(fault);
      }
    },
    reopen,
    close: async () => {
      if (E.isRight(state)) {
        await root.close();
      }
    },
  };
};

const attempt = <A>(action: () => A): E.Either<StoreUnavailable, A> =>
  E.tryCatch(action, unavailable);

const isGivenUp = (root: Root): boolean => {
  // What is read before this tick ends may still be a snapshot from before the fault.
  root.resetReadTxn();
  return E.isLeft(attempt(() => root.doesExist("anything")));
};

/** lmdb hides why a commit failed in another promise, which ends the process unless it is heard. */
const commitFault = async (rejection: unknown): Promise<unknown> => {
  if (!(rejection instanceof Error && "commitError" in rejection)) {
    return rejection;
  }
  try {
    await rejection.commitError;
    return rejection;
  } catch (fault) {
    return fault;
  }
};
