import type { Either } from "fp-ts/lib/Either.js";
import type { TaskEither } from "fp-ts/lib/TaskEither.js";
import type { StoreUnavailable } from "../domain/errors.ts";
import type { StoreRecord } from "../domain/store-record.ts";

/**
 * Moves everything that one store holds to another store. Stop all servers of both
 * stores first: a record that changes during the move may be read in its old state, in its new
 * state, twice, or not at all.
 */
export interface StoreTransfer {
  /**
   * Reads everything in pages of records. The order is: relationships,
   * statuses, notices (those of a conversation one after the other, in the order of its queue), dead
   * letters. The first error ends the sequence.
   */
  readonly read: () => AsyncIterable<Either<StoreUnavailable, ReadonlyArray<StoreRecord>>>;
  /**
   * Returns how many records of this export, from the first one on, the store has stored; 0 for an
   * unknown export. It may have stored some later records too, which a repeated `write` skips.
   */
  readonly received: (exportId: string) => TaskEither<StoreUnavailable, number>;
  /**
   * Stores records of an export, which are numbered from 0: these begin with number `first`, which
   * is at most `received(exportId)`. Skips the records that it has stored before. A call that
   * fails may have stored some of its records: repeat the call, and it stores only the rest.
   *
   * - With no records, `first` may be any number: the store then counts all records before it as
   *   stored. `export` marks the store that it read in this way, so that importing the file there
   *   changes nothing.
   * - A relationship is added.
   * - A status replaces that of the conversation, as a set does, or as `importStatuses` does if it
   *   is an imported one. No notice is made.
   * - A notice is appended to its conversation's queue, its attempts and its age kept. If the queue
   *   was empty the notice is due at `dueAt`, and counts as postponed for its `reason` if it has one;
   *   otherwise it waits behind the others.
   * - A dead letter is kept aside with the others.
   */
  readonly write: (
    exportId: string,
    first: number,
    records: ReadonlyArray<StoreRecord>,
  ) => TaskEither<StoreUnavailable, void>;
}
