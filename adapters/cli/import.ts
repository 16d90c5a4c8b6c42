import * as E from "fp-ts/lib/Either.js";
import { pipe } from "fp-ts/lib/function.js";
import * as NEA from "fp-ts/lib/NonEmptyArray.js";
import * as TE from "fp-ts/lib/TaskEither.js";
import type { StoreUnavailable } from "../../core/domain/errors.ts";
import type { Id } from "../../core/domain/identity.ts";
import type { RelationshipDirectory } from "../../core/ports/relationships.ts";
import { CsvFault, readRows, sizeOf } from "./csv.ts";
import { withDirectory } from "./directory.ts";
import { type Failure, failed, misused } from "./failure.ts";
import type { Surroundings } from "./surroundings.ts";

/** Where relationships are imported from. */
export interface ImportOptions {
  readonly friends?: string;
  readonly members?: string;
  readonly json?: boolean;
}

/** What became of a file's rows. */
interface Report {
  readonly file: string;
  readonly used: number;
  readonly skipped: ReadonlyArray<{
    readonly reason: string;
    readonly rows: number;
    /** The lines of the first of them. */
    readonly lines: ReadonlyArray<number>;
  }>;
}

/** A kind of file: its first line, if it has one, and what its rows are for. */
interface Kind {
  readonly what: "friends" | "members";
  readonly header: string;
  readonly put: (
    directory: RelationshipDirectory,
    pairs: ReadonlyArray<Pair>,
  ) => TE.TaskEither<StoreUnavailable, unknown>;
  readonly objection: (pair: Pair) => string | undefined;
}

type Pair = readonly [Id, Id];

const FRIENDS: Kind = {
  what: "friends",
  header: "userid,friendid",
  put: ({ addFriends }, pairs) => addFriends(pairs),
  objection: ([user, friend]) => (user === friend ? "nobody is their own friend" : undefined),
};

const MEMBERS: Kind = {
  what: "members",
  header: "groupid,userid",
  put: ({ addMembers }, pairs) =>
    pipe(
      Object.values(NEA.groupBy(([group]: Pair) => `group ${group}`)([...pairs])),
      TE.traverseSeqArray((some) =>
        addMembers(
          some[0][0],
          some.map(([, user]) => user),
        ),
      ),
    ),
  objection: () => undefined,
};

// Rows are stored so many at a time, and no more of a file are in memory.
const BATCH = 1_000;
const LINES_TOLD = 10;

type IdOf = (text: string) => TE.TaskEither<Failure, Id>;

/** Reads who knows whom from CSV files into the store. What is there already stays; it may be run again. */
export const importFiles = (
  surroundings: Surroundings,
  { friends, members, json = false }: ImportOptions,
): TE.TaskEither<Failure, void> =>
  friends === undefined && members === undefined
    ? TE.left(misused("expected --friends FILE.csv, --members FILE.csv or both"))
    : withDirectory(surroundings)((directory, idOf) =>
        pipe(
          [
            ...(friends === undefined ? [] : [{ kind: FRIENDS, file: friends }]),
            ...(members === undefined ? [] : [{ kind: MEMBERS, file: members }]),
          ],
          TE.traverseSeqArray(
            ({ kind, file }) =>
              () =>
                importFile(surroundings, directory, idOf, kind, file),
          ),
          TE.map((reports) => {
            for (const line of json ? [JSON.stringify(reports)] : reports.flatMap(asText)) {
              surroundings.print(line);
            }
          }),
        ),
      );

const importFile = async (
  { showProgress }: Surroundings,
  directory: RelationshipDirectory,
  idOf: IdOf,
  kind: Kind,
  file: string,
): Promise<E.Either<Failure, Report>> => {
  const size = await sizeOf(file);
  if (typeof size !== "number") {
    return E.left(size);
  }
  const progress = showProgress(kind.what, size);
  const skipped = makeSkipped();
  let used = 0;
  try {
    for await (const { pairs, rows, bytes } of readBatches(file, kind, idOf, skipped.add)) {
      const stored = await kind.put(directory, pairs)();
      if (E.isLeft(stored)) {
        return E.left(failed(`store: ${stored.left.cause}`, halfway(file, used)));
      }
      used += pairs.length;
      progress.update(bytes, rows);
    }
  } catch (fault) {
    if (!(fault instanceof CsvFault)) {
      throw fault;
    }
    return E.left(failed(`${file}: ${fault.message}`, halfway(file, used)));
  } finally {
    progress.stop();
  }
  return E.right({ file, used, skipped: skipped.all() });
};

const halfway = (file: string, used: number): string =>
  `${file}: ${used} rows are stored; the import may be run again, and changes nothing twice`;

interface Skipped {
  readonly add: (reason: string, line: number) => void;
  readonly all: () => Report["skipped"];
}

/** Counts the rows that cannot be used, and forgets all but their first lines. */
const makeSkipped = (): Skipped => {
  const reasons = new Map<string, { rows: number; lines: ReadonlyArray<number> }>();
  return {
    add: (reason, line) => {
      const { rows, lines } = reasons.get(reason) ?? { rows: 0, lines: [] };
      reasons.set(reason, { rows: rows + 1, lines: [...lines, line].slice(0, LINES_TOLD) });
    },
    all: () => [...reasons].map(([reason, counted]) => ({ reason, ...counted })),
  };
};

interface Batch {
  readonly pairs: ReadonlyArray<Pair>;
  /** How many rows, and how much of the file, have been read by now. */
  readonly rows: number;
  readonly bytes: number;
}

async function* readBatches(
  file: string,
  kind: Kind,
  idOf: IdOf,
  skip: Skipped["add"],
): AsyncGenerator<Batch> {
  let pairs: Pair[] = [];
  let [rows, read] = [0, 0];
  for await (const { line, columns, bytes } of readRows(file)) {
    if (line === 1 && columns.join().toLowerCase() === kind.header) {
      continue;
    }
    [rows, read] = [rows + 1, bytes];
    const pair = await pairIn(kind, idOf, columns);
    if (typeof pair === "string") {
      skip(pair, line);
    } else {
      pairs.push(pair);
    }
    if (pairs.length === BATCH) {
      yield { pairs, rows, bytes };
      pairs = [];
    }
  }
  yield { pairs, rows, bytes: read };
}

/** The ids of a row, or why it cannot be used. */
const pairIn = async (
  { objection }: Kind,
  idOf: IdOf,
  columns: ReadonlyArray<string>,
): Promise<Pair | string> => {
  const [first, second] = columns;
  if (first === undefined || second === undefined || columns.length > 2) {
    return "not two columns";
  }
  const pair = await pipe(TE.Do, TE.apS("first", idOf(first)), TE.apS("second", idOf(second)))();
  if (E.isLeft(pair)) {
    return "not an id here";
  }
  const ids: Pair = [pair.right.first, pair.right.second];
  return objection(ids) ?? ids;
};

const asText = ({ file, used, skipped }: Report): ReadonlyArray<string> => [
  `${file}: ${used} rows are stored`,
  ...skipped.map(
    ({ reason, rows, lines }) =>
      `${file}: ${rows} rows are not: ${reason} (line ${lines.join(", ")}${rows > lines.length ? ", …" : ""})`,
  ),
];
