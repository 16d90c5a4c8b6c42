import * as E from "fp-ts/lib/Either.js";
import { pipe } from "fp-ts/lib/function.js";
import * as J from "fp-ts/lib/Json.js";
import * as RA from "fp-ts/lib/ReadonlyArray.js";
import * as TE from "fp-ts/lib/TaskEither.js";
import type * as t from "io-ts";
import { OutboundMessage, type StoreUnavailable, storeUnavailable } from "../../core/mod.ts";
import type { Connect } from "./driver.ts";
import { openReader, type Reader } from "./reader.ts";
import { openWriter, type Writer, type WriterOptions } from "./writer.ts";

/** The open file of a store: reads on the caller's thread, and changes that are flushed. */
export interface SqliteFile extends Pick<Reader, "read">, Pick<Writer, "write"> {
  /** Splits the items into several changes, so that no change keeps the lock for long. */
  readonly writeEach: <Item>(
    items: ReadonlyArray<Item>,
    change: (part: ReadonlyArray<Item>) => TE.TaskEither<StoreUnavailable, unknown>,
  ) => TE.TaskEither<StoreUnavailable, void>;
  readonly close: () => Promise<void>;
}

// A change of so many items keeps the write lock for about ten milliseconds.
const MAX_ITEMS = 500;

/**
 * Opens the file, and makes it if it is missing.
 *
 * @throws an Error that says why it cannot be opened.
 */
export const openSqliteFile = async (
  connect: Connect,
  options: Omit<WriterOptions, "onCommit">,
): Promise<SqliteFile> => {
  // The writer opens first, because it makes the file and its log.
  const writer = await openWriter(connect, {
    ...options,
    onCommit: ({ identity }) => reader.refresh(identity),
  });
  const reader = openReader(connect, options.path, writer.write("probe"));
  return {
    read: reader.read,
    write: writer.write,
    writeEach: (items, change) =>
      pipe(
        items,
        RA.chunksOf(MAX_ITEMS),
        TE.traverseSeqArray(change),
        TE.map(() => undefined),
      ),
    close: async () => {
      // The reader closes last, so that the log and its index stay: SQLite removes them when the
      // last connection that can write closes, and no process could make the index on a full disk.
      await writer.close();
      reader.close();
    },
  };
};

/** Returns the error for a row of a table that cannot be read. */
export const damaged = (table: string): E.Either<StoreUnavailable, never> =>
  E.left(storeUnavailable(`a row in ${table} is damaged, or was written by another program`));

/** Decodes a row, or another result of a statement. */
export const decodeRow =
  <A>(table: string, codec: t.Decoder<unknown, A>) =>
  (row: unknown): E.Either<StoreUnavailable, A> =>
    pipe(
      codec.decode(row),
      E.orElseW(() => damaged(table)),
    );

/** Decodes the column of a message, which is JSON. */
export const decodeMessage = (
  table: string,
  text: string,
): E.Either<StoreUnavailable, OutboundMessage> =>
  pipe(
    J.parse(text),
    E.chainW(decodeRow(table, OutboundMessage)),
    E.orElseW(() => damaged(table)),
  );
