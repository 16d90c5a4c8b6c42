import { createReadStream } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import * as E from "fp-ts/lib/Either.js";
import { pipe } from "fp-ts/lib/function.js";
import * as J from "fp-ts/lib/Json.js";
import * as TE from "fp-ts/lib/TaskEither.js";
import * as t from "io-ts";
import { decode, MAX_BATCH_RECORDS, NonEmptyText, StoreRecord } from "../../core/mod.ts";
import { codeOf, type Failure, failed } from "./failure.ts";
import type { Batch, Row } from "./transfer.ts";

const FORMAT = "sealtalk-misc-export";
const VERSION = 1;

/** The header of an export: its first line. */
export interface ExportHeader {
  /** Identifies the export, so that a store skips the records that it has stored from it. */
  readonly id: string;
  /** When it was made, as ISO 8601. */
  readonly exportedAt: string;
  /** The kind of the store that it was read from. */
  readonly store: string;
}

/** A whole export. */
export interface ExportFile extends ExportHeader {
  /** The number of records in the file. */
  readonly records: number;
  /** Its size in bytes. */
  readonly size: number;
  /** Reads the records from number `from` (0 is the first); `done` of a batch is in bytes. */
  readonly batches: (from: number) => AsyncIterable<E.Either<Failure, Batch<StoreRecord>>>;
}

const AnyHeader = t.type({ format: t.literal(FORMAT), version: t.number });

const Header = t.type({ id: NonEmptyText, exportedAt: t.string, store: t.string });

const End = t.type({ end: t.literal(true), records: t.number });

// Limits the memory that a damaged file without line ends can use.
const MAX_LINE_BYTES = 16_777_216;

/** The bytes to read at each end of the file; the first and the last line are shorter. */
const EDGE_BYTES = 4_096;

const LINE_FEED = 0x0a;

/** The first line of an export. */
export const headerLine = (header: ExportHeader): string =>
  `${JSON.stringify({ format: FORMAT, version: VERSION, ...header })}\n`;

/** The line of a record. */
export const recordLine = (record: StoreRecord): string =>
  `${JSON.stringify(StoreRecord.encode(record))}\n`;

/** The last line of an export. A file without it was cut short. */
export const endLine = (records: number): string => `${JSON.stringify({ end: true, records })}\n`;

/** Opens an export, and checks its first and its last line. */
export const openExport = (file: string): TE.TaskEither<Failure, ExportFile> =>
  TE.bracket(
    TE.tryCatch(() => open(file), unreadable(file)),
    (handle) =>
      pipe(
        TE.tryCatch(() => edgesOf(handle), unreadable(file)),
        TE.chainEitherK((edges) =>
          edges === undefined ? E.left(failed(`${file}: not a file`)) : E.right(edges),
        ),
        TE.chainEitherK(({ first, last, size }) =>
          pipe(
            E.Do,
            E.bind("header", () => headerIn(file, first)),
            E.bind("records", () => endIn(file, last)),
            E.map(({ header, records }) => ({
              ...header,
              records,
              size,
              batches: (from: number) => readBatches(file, records, from),
            })),
          ),
        ),
      ),
    (handle) => TE.tryCatch(() => handle.close(), unreadable(file)),
  );

const unreadable =
  (file: string) =>
  (fault: unknown): Failure =>
    failed(`${file}: ${codeOf(fault)}`);

interface Edges {
  readonly first: string;
  readonly last: string;
  readonly size: number;
}

const edgesOf = async (handle: FileHandle): Promise<Edges | undefined> => {
  const stats = await handle.stat();
  if (!stats.isFile()) {
    return undefined;
  }
  const bytes = Buffer.alloc(EDGE_BYTES);
  const textAt = async (position: number): Promise<string> => {
    const { bytesRead } = await handle.read(bytes, 0, EDGE_BYTES, position);
    return bytes.toString("utf8", 0, bytesRead);
  };
  const [first = ""] = (await textAt(0)).split("\n");
  const end = await textAt(Math.max(0, stats.size - EDGE_BYTES));
  return { first, last: end.trimEnd().split("\n").at(-1) ?? "", size: stats.size };
};

const headerIn = (file: string, line: string): E.Either<Failure, ExportHeader> =>
  pipe(
    J.parse(line),
    E.chainW((value) =>
      pipe(
        AnyHeader.decode(value),
        E.map((any) => ({ ...any, value })),
      ),
    ),
    E.mapLeft(() =>
      failed(
        `${file}: not an export: its first line is no header. Give a file that sealtalk-misc export wrote.`,
      ),
    ),
    E.filterOrElse(
      ({ version }) => version === VERSION,
      ({ version }) =>
        failed(
          `${file}: an export of version ${version}; this program reads version ${VERSION}. Import it with the version of sealtalk-misc that wrote it.`,
        ),
    ),
    E.chain(({ value }) =>
      pipe(
        value,
        decode(Header, "header"),
        E.mapLeft(({ field, expected }) =>
          failed(`${file}: line 1: ${field}: expected ${expected}. Export again.`),
        ),
      ),
    ),
  );

const endIn = (file: string, line: string): E.Either<Failure, number> =>
  pipe(
    J.parse(line),
    E.chainW(End.decode),
    E.bimap(
      () =>
        failed(
          `${file}: cut short: its last line is not the end of an export. Copy the file again, or export again.`,
        ),
      ({ records }) => records,
    ),
  );

async function* readBatches(
  file: string,
  records: number,
  from: number,
): AsyncGenerator<E.Either<Failure, Batch<StoreRecord>>> {
  let rows: Row<StoreRecord>[] = [];
  let done = 0;
  try {
    for await (const { number, bytes, end } of readLines(file)) {
      done = end;
      // The first line is the header.
      const record = number - 2;
      if (record < from || record === records) {
        continue;
      }
      const read =
        record > records
          ? E.left("it follows the end of the export")
          : pipe(bytes, E.chain(recordIn));
      if (E.isLeft(read)) {
        yield E.right({ rows, done });
        yield E.left(unreadableLine(file, number, read.left));
        return;
      }
      rows.push({ at: number, content: read });
      if (rows.length === MAX_BATCH_RECORDS) {
        yield E.right({ rows, done });
        rows = [];
      }
    }
    yield E.right({ rows, done });
  } catch (fault) {
    yield E.left(unreadable(file)(fault));
  }
}

const unreadableLine = (file: string, number: number, reason: string): Failure =>
  failed(
    `${file}: line ${number}: ${reason}. Nothing from this line on is stored. Copy the file again, or export again.`,
  );

const recordIn = (bytes: Buffer): E.Either<string, StoreRecord> =>
  pipe(
    E.tryCatch(
      () => new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes),
      () => "it is not UTF-8",
    ),
    E.chain((text) =>
      pipe(
        J.parse(text),
        E.mapLeft(() => "it is not JSON"),
      ),
    ),
    E.chain((value) =>
      pipe(
        value,
        decode(StoreRecord, "it"),
        E.mapLeft(({ field, expected }) => `${field} is not as expected: ${expected}`),
      ),
    ),
  );

interface Line {
  /** From 1. */
  readonly number: number;
  /** The content, or the reason why it was not read. */
  readonly bytes: E.Either<string, Buffer>;
  /** The offset in bytes at which the next line begins. */
  readonly end: number;
}

// node:readline cannot be used: it also ends lines at U+2028, which JSON does not escape.
async function* readLines(file: string): AsyncGenerator<Line> {
  let rest: Buffer = Buffer.alloc(0);
  let number = 1;
  let end = 0;
  for await (const chunk of createReadStream(file)) {
    let bytes: Buffer = Buffer.concat([rest, chunk]);
    for (let at = bytes.indexOf(LINE_FEED); at !== -1; at = bytes.indexOf(LINE_FEED)) {
      end += at + 1;
      yield { number, bytes: E.right(bytes.subarray(0, at)), end };
      number += 1;
      bytes = bytes.subarray(at + 1);
    }
    if (bytes.length > MAX_LINE_BYTES) {
      yield { number, bytes: E.left(`it is longer than ${MAX_LINE_BYTES} bytes`), end };
      return;
    }
    rest = bytes;
  }
  if (rest.length > 0) {
    yield { number, bytes: E.right(rest), end: end + rest.length };
  }
}
