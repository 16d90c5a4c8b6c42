import { setImmediate } from "node:timers";
import * as E from "fp-ts/lib/Either.js";
import type * as TE from "fp-ts/lib/TaskEither.js";
import { type StoreUnavailable, storeUnavailable } from "../../core/mod.ts";
import { identityOf } from "./committer.ts";
import { type Connect, type Connection, closeConnection, explain } from "./driver.ts";
import { openToRead } from "./schema.ts";

/** What was read, or why it could not be. */
export type Attempted<A> = E.Either<StoreUnavailable, A>;

/** Prepares a statement. */
export type Query = Connection["prepare"];

/** Reads on the thread of its caller. */
export interface Reader {
  readonly read: <A>(action: (query: Query) => Attempted<A>) => TE.TaskEither<StoreUnavailable, A>;
  /**
   * Is to be called after each commit, with the file that the writer has open: what was committed is
   * read from now on.
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
 * Opens the file to read. `onReplaced` is called when another file is in its place, and has the
 * writer open that; {@link Reader.refresh} follows. A file that cannot be opened yet fails each read
 * with its reason.
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

  /** Has the writer open the file that is in place of the one that is open here. */
  const reopen = async (): Promise<Attempted<unknown>> => {
    if (identityOf(path) === undefined) {
      return E.left(storeUnavailable(`${path} was deleted while it was in use. Put it back.`));
    }
    closeFile();
    return onReplaced();
  };

  /**
   * All reads of a turn of the event loop share a snapshot: each statement of its own would lock and
   * unlock the file, which takes longer than the read. None lasts longer, or the log could not be
   * reset.
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
      if (closed || identity === undefined || identity === file?.identity) {
        return;
      }
      closeFile();
      if (identityOf(path) !== identity) {
        // The writer has not opened yet what is there now.
        return;
      }
      open();
    },
    close: () => {
      closed = true;
      closeFile();
    },
  };
};
