import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { CsvError, parse } from "csv-parse";
import * as E from "fp-ts/lib/Either.js";
import { pipe } from "fp-ts/lib/function.js";
import * as TE from "fp-ts/lib/TaskEither.js";
import type { Id } from "../../core/mod.ts";
import { codeOf, type Failure, failed } from "./failure.ts";
import type { Batch, Row, Source } from "./transfer.ts";

/** The two ids of a row. */
export type Pair = readonly [Id, Id];

/** What the pairs of a file are. */
export interface PairFormat {
  /** The first line, if the file has one, in lower case. */
  readonly header: string;
  readonly accept: (pair: Pair) => E.Either<string, Pair>;
}

/** Users and their friends. */
export const FRIENDS: PairFormat = {
  header: "userid,friendid",
  accept: E.fromPredicate(
    ([user, friend]) => user !== friend,
    () => "nobody is their own friend",
  ),
};

/** Groups and their members. */
export const MEMBERS: PairFormat = { header: "groupid,userid", accept: E.right };

const HEADERS: ReadonlyArray<string> = [FRIENDS.header, MEMBERS.header];

type IdOf = (text: string) => TE.TaskEither<Failure, Id>;

// So many rows are in memory at a time, and are stored together.
const ROWS_AT_ONCE = 1_000;

/** The pairs in a file; it fails if that cannot be read. */
export const csvSource = (
  file: string,
  format: PairFormat,
  idOf: IdOf,
): TE.TaskEither<Failure, Source<Pair>> =>
  pipe(
    TE.tryCatch(
      () => stat(file),
      (fault) => failed(`${file}: ${codeOf(fault)}`),
    ),
    TE.filterOrElse(
      (stats) => stats.isFile(),
      () => failed(`${file}: not a file`),
    ),
    TE.map(({ size }) => ({
      name: file,
      by: "line",
      total: size,
      batches: readBatches(file, format, idOf),
    })),
  );

async function* readBatches(
  file: string,
  { header, accept }: PairFormat,
  idOf: IdOf,
): AsyncGenerator<E.Either<Failure, Batch<Pair>>> {
  const source = createReadStream(file);
  const records = source.pipe(
    parse({ bom: true, info: true, relax_column_count: true, skip_empty_lines: true, trim: true }),
  );
  source.on("error", (fault) => records.destroy(fault));
  let rows: Row<Pair>[] = [];
  let done = 0;
  try {
    for await (const { record, info } of records) {
      done = info.bytes;
      const first = info.lines > 1 ? "" : record.join().toLowerCase();
      if (first !== header && HEADERS.includes(first)) {
        yield E.left(failed(`${file}: its first line is ${record.join()}: these are other pairs`));
        return;
      }
      if (first !== header) {
        rows.push({ at: info.lines, content: E.chain(accept)(await pairIn(record, idOf)) });
      }
      if (rows.length === ROWS_AT_ONCE) {
        yield E.right({ rows, done });
        rows = [];
      }
    }
    yield E.right({ rows, done });
  } catch (fault) {
    const reason = fault instanceof CsvError ? `line ${fault.lines}: ${fault.code}` : codeOf(fault);
    yield E.left(failed(`${file}: ${reason}`));
  } finally {
    source.destroy();
  }
}

const pairIn = async (
  columns: ReadonlyArray<string>,
  idOf: IdOf,
): Promise<E.Either<string, Pair>> => {
  const [first, second] = columns;
  if (first === undefined || second === undefined || columns.length > 2) {
    return E.left("not two columns");
  }
  return pipe(
    TE.Do,
    TE.apS("one", idOf(first)),
    TE.apS("other", idOf(second)),
    TE.bimap(
      () => "not an id here",
      ({ one, other }): Pair => [one, other],
    ),
  )();
};
