import * as E from "fp-ts/lib/Either.js";
import { flow, identity, pipe } from "fp-ts/lib/function.js";
import * as O from "fp-ts/lib/Option.js";
import * as RA from "fp-ts/lib/ReadonlyArray.js";
import * as TE from "fp-ts/lib/TaskEither.js";
import * as t from "io-ts";
import type { Key, RangeOptions } from "lmdb";
import { type StoreUnavailable, storeUnavailable } from "../../core/mod.ts";
import { makeCommits } from "./commits.ts";
import { askDisk } from "./disk.ts";
import { type LmdbFile, openFile, type TableInFile } from "./file.ts";
import { unavailable } from "./reason.ts";

/** What was read or done, or why it could not be. */
export type Attempted<A> = E.Either<StoreUnavailable, A>;

/** Named, typed values under keys. What is read is decoded: a foreign or damaged value is an error. */
export interface Table<A> {
  readonly get: (key: Key) => Attempted<O.Option<A>>;
  readonly has: (key: Key) => boolean;
  readonly values: (range: RangeOptions) => Attempted<ReadonlyArray<A>>;
  /** Only within a write. */
  readonly put: (key: Key, value: A) => void;
  /** Only within a write. */
  readonly remove: (key: Key) => void;
}

/** One LMDB environment: its tables, and the two ways to work on them. */
export interface Environment {
  readonly table: <A>(name: string, codec: t.Type<A, unknown, unknown>) => Table<A>;
  readonly read: <A>(action: () => Attempted<A>) => TE.TaskEither<StoreUnavailable, A>;
  /**
   * Runs `action` in a write transaction and answers once that is committed and flushed. LMDB does
   * not roll back what an action wrote before it failed: an action reads all it needs first.
   */
  readonly write: <Failure, A>(
    action: () => E.Either<Failure, A>,
  ) => TE.TaskEither<Failure | StoreUnavailable, A>;
  /** A write for every so many items, so that none is larger than the disk was asked for. */
  readonly writeEach: <Item>(
    items: ReadonlyArray<Item>,
    change: (item: Item) => void,
  ) => TE.TaskEither<StoreUnavailable, void>;
  readonly close: () => Promise<void>;
}

const ITEMS_A_WRITE = 100;

/** Opens the environment in the file `path`. */
export const openEnvironment = (path: string, deadlineMs: number): Attempted<Environment> =>
  pipe(
    openFile(path),
    E.map((file) => makeEnvironment(file, path, deadlineMs)),
  );

const makeEnvironment = (
  { table, state, transaction, reopen, close }: LmdbFile,
  path: string,
  deadlineMs: number,
): Environment => {
  const { write, idle } = makeCommits({
    prepare: pipe(
      askDisk(path),
      TE.chainIOEitherK(() => reopen),
    ),
    commit: transaction,
    deadlineMs,
  });
  let closed = false;
  const writeWhileOpen: Environment["write"] = (action) => () =>
    closed ? Promise.resolve(CLOSED) : pipe(write(action), TE.chainEitherKW(identity))();
  return {
    table: (name, codec) => makeTable(name, table(name), codec),
    read: (action) => async () => {
      const open = closed ? CLOSED : state();
      if (E.isLeft(open)) {
        return open;
      }
      try {
        return action();
      } catch (fault) {
        return E.left(unavailable(fault));
      }
    },
    write: writeWhileOpen,
    writeEach: (items, change) =>
      pipe(
        items,
        RA.chunksOf(ITEMS_A_WRITE),
        TE.traverseSeqArray((some) => writeWhileOpen(() => E.right(some.forEach(change)))),
        TE.map(() => undefined),
      ),
    close: async () => {
      closed = true;
      await idle();
      await close();
    },
  };
};

const makeTable = <A>(
  name: string,
  inFile: TableInFile,
  codec: t.Type<A, unknown, unknown>,
): Table<A> => {
  const Stored = t.type({ v: t.literal(1), value: codec });
  const decode = flow(
    Stored.decode,
    E.bimap(
      () => storeUnavailable(`a value in ${name} is damaged or not ours`),
      ({ value }) => value,
    ),
  );
  return {
    get: (key) => {
      const value: unknown = inFile.database.get(key);
      return value === undefined ? E.right(O.none) : pipe(decode(value), E.map(O.some));
    },
    has: (key) => inFile.database.doesExist(key),
    values: (range) =>
      pipe([...inFile.database.getRange(range).map(({ value }) => value)], E.traverseArray(decode)),
    put: (key, value) => {
      inFile.database.put(key, Stored.encode({ v: 1, value }));
    },
    remove: (key) => {
      inFile.database.remove(key);
    },
  };
};

const CLOSED = E.left(storeUnavailable("the store is closed"));
