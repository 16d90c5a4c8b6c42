import { setImmediate } from "node:timers";
import * as E from "fp-ts/lib/Either.js";
import type * as TE from "fp-ts/lib/TaskEither.js";
import { type StoreUnavailable, storeUnavailable } from "../../core/mod.ts";
import { identityOf } from "./committer.ts";
import { type Connect, type Connection, explain } from "./driver.ts";
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
 * Opens the file to read. `onMissing` is called when another file, or none, is in its place: the
 * writer has to look after that first.
 *
 * @throws what SQLite throws.
 */
export const openReader = (connect: Connect, path: string, onMissing: () => void): Reader => {
  let file: OpenFile | undefined = openFile(connect, path);
  let closed = false;
  let inSnapshot = false;

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
    file?.connection.close();
    file = undefined;
  };

  /**
   * All reads of a turn of the event loop share a snapshot: each statement of its own would lock and
   * unlock the file, which takes longer than the read. None lasts longer, or the log could not be
   * reset.
   */
  const beginSnapshot = (): void => {
    if (identityOf(path) !== file?.identity) {
      closeFile();
      onMissing();
      throw new Error(`${path} was deleted or replaced while it was in use`);
    }
    file?.connection.prepare("BEGIN").run();
    inSnapshot = true;
    setImmediate(endSnapshot);
  };

  return {
    read: (action) => async () => {
      if (closed) {
        return E.left(storeUnavailable("the store is closed"));
      }
      try {
        if (!inSnapshot) {
          beginSnapshot();
        }
        return file === undefined
          ? E.left(storeUnavailable(`${path} is not open`))
          : action(file.connection.prepare);
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
      try {
        file = openFile(connect, path);
      } catch {
        // The next read finds no file, and asks for this again.
      }
    },
    close: () => {
      closed = true;
      closeFile();
    },
  };
};

const openFile = (connect: Connect, path: string): OpenFile => ({
  connection: openToRead(connect, path),
  identity: identityOf(path),
});
