import type { Either } from "fp-ts/lib/Either.js";
import type { TaskEither } from "fp-ts/lib/TaskEither.js";
import type { StoreUnavailable } from "../domain/errors.ts";
import type { StoreRecord } from "../domain/store-record.ts";

/**
 * Moves everything that one store holds to another store. Both should rest meanwhile: a record that
 * changes meanwhile may be read in its old state, in its new state, twice, or not at all.
 */
export interface StoreTransfer {
  /**
   * Reads everything, some records at a time, and never all at once. The order is: relationships,
   * statuses, notices (those of a conversation one after the other, in the order of its queue), dead
   * letters. A fault is the last thing that it gives.
   */
  readonly read: () => AsyncIterable<Either<StoreUnavailable, ReadonlyArray<StoreRecord>>>;
  /**
   * Returns how many records of this export the store has stored: all before that number, and none
   * from it on that a repeated `write` would not skip. 0 for an export that it does not know.
   */
  readonly received: (exportId: string) => TaskEither<StoreUnavailable, number>;
  /**
   * Stores records of an export, which are numbered from 0: these begin with number `first`, which
   * is at most `received(exportId)`. Skips the records that it has stored before: after a fault a
   * call may be kept in part, and repeated it stores the rest and changes nothing twice.
   *
   * - With no records, `first` may be any number: the store then counts all records before it as
   *   stored. An export tells its own store so, which then takes nothing of it back.
   * - A relationship is added.
   * - A status replaces the conversation's: as one that was set here, or, if it is an imported one,
   *   as `importStatuses` does. It makes no notice.
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
