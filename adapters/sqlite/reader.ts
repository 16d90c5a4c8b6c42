import { setImmediate } from "node:timers";
import * as E from "fp-ts/lib/Either.js";
import type * as TE from "fp-ts/lib/TaskEither.js";
import { type StoreUnavailable, storeUnavailable } from "../../core/mod.ts";
import { identityOf } from "./committer.ts";
import { type Connect, type Connection, closeConnection, explain } from "./driver.ts";
import { openToRead } from "./schema.ts";

/** The result of a read, or its error. */
export type Attempted<A> = E.Either<StoreUnavailable, A>;

/** Prepares a statement. */
export type Query = Connection["prepare"];

/** Reads on the thread of its caller. */
export interface Reader {
  readonly read: <A>(action: (query: Query) => Attempted<A>) => TE.TaskEither<StoreUnavailable, A>;
  /**
   * Ends the current snapshot, so that later reads see the commit. Call it after each commit, with
   * the identity of the file that the writer has open.
   */
  readonly refresh: (identity: string | undefined) => void;
  readonly close: () => void;
}

/** The file while it is open. */
interface OpenFile {
  readonly connection: Connection;
  readonly identity: string | undefined;
}

/**
 * Opens the file to read. When another file is in its place, a read runs `onReplaced`, which makes
 * the writer open that file and call {@link Reader.refresh}. While the file cannot be opened, each
 * read fails with the reason.
 */
export const openReader = (
  connect: Connect,
  path: string,
  onReplaced: TE.TaskEither<StoreUnavailable, unknown>,
): Reader => {
  let file: OpenFile | undefined;
  let reason: unknown;
  let closed = false;
  let inSnapshot = false;

  const open = (): void => {
    try {
      file = { connection: openToRead(connect, path), identity: identityOf(path) };
    } catch (fault) {
      reason = fault;
    }
  };

  const endSnapshot = (): void => {
    if (!inSnapshot) {
      return;
    }
    inSnapshot = false;
    try {
      file?.connection.prepare("COMMIT").run();
    } catch {
      // After some faults SQLite has ended the transaction already.
    }
  };

  const closeFile = (): void => {
    endSnapshot();
    if (file !== undefined) {
      closeConnection(file.connection);
      file = undefined;
    }
  };

  const isInPlace = (): boolean => file !== undefined && identityOf(path) === file.identity;

  /** Makes the writer open the file that replaced the open one. */
  const reopen = async (): Promise<Attempted<unknown>> => {
    if (identityOf(path) === undefined) {
      return E.left(storeUnavailable(`${path} was deleted while it was in use. Put it back.`));
    }
    closeFile();
    return onReplaced();
  };

  /**
   * Begins the snapshot that all reads of one turn of the event loop share: locking the file for
   * each read would take longer than the read. It ends with the turn, because SQLite cannot reset
   * the log during a snapshot.
   */
  const snapshot = (): Query => {
    if (file === undefined) {
      throw reason ?? new Error(`${path} was replaced while it was in use. Try again.`);
    }
    if (!inSnapshot) {
      file.connection.prepare("BEGIN").run();
      inSnapshot = true;
      setImmediate(endSnapshot);
    }
    return file.connection.prepare;
  };

  /** Opens the file that the writer has open now. */
  const follow = (identity: string | undefined): void => {
    if (closed || identity === undefined || identity === file?.identity) {
      return;
    }
    closeFile();
    // Otherwise the writer has not opened yet what is there now.
    if (identityOf(path) === identity) {
      open();
    }
  };

  open();
  return {
    read: (action) => async () => {
      if (closed) {
        return E.left(storeUnavailable("the store is closed"));
      }
      try {
        if (!inSnapshot && !isInPlace()) {
          const reopened = await reopen();
          if (E.isLeft(reopened)) {
            return reopened;
          }
        }
        return action(snapshot());
      } catch (fault) {
        return E.left(storeUnavailable(explain(path, fault)));
      }
    },
    refresh: (identity) => {
      endSnapshot();
      try {
        follow(identity);
      } catch {
        // The next read meets the same fault, and answers it. The callers of this commit must not.
      }
    },
    close: () => {
      closed = true;
      closeFile();
    },
  };
};
