import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { CsvError, parse } from "csv-parse";
import { type Failure, failed } from "./failure.ts";

/** A row of a file: its line, what is in its columns, and how much of the file was read by then. */
export interface CsvRow {
  readonly line: number;
  readonly columns: ReadonlyArray<string>;
  readonly bytes: number;
}

/** How large a file is, in bytes; or why it cannot be read. */
export const sizeOf = async (file: string): Promise<number | Failure> => {
  try {
    const { size, isFile } = await stat(file).then((stats) => ({
      size: stats.size,
      isFile: stats.isFile(),
    }));
    return isFile ? size : failed(`${file}: not a file`);
  } catch (fault) {
    return failed(`${file}: ${codeOf(fault)}`);
  }
};

/** Reads a file's rows one after the other; throws a {@link CsvFault} if it is none of CSV. */
export async function* readRows(file: string): AsyncGenerator<CsvRow> {
  const source = createReadStream(file);
  const rows = source.pipe(
    parse({ bom: true, info: true, relax_column_count: true, skip_empty_lines: true, trim: true }),
  );
  source.on("error", (fault) => rows.destroy(fault));
  try {
    for await (const { record, info } of rows) {
      yield { line: info.lines, columns: record, bytes: info.bytes };
    }
  } catch (fault) {
    throw new CsvFault(
      fault instanceof CsvError ? `line ${fault.lines}: ${fault.code}` : codeOf(fault),
    );
  } finally {
    source.destroy();
  }
}

/** Why a file could not be read to its end. */
export class CsvFault extends Error {
  override readonly name = "CsvFault";
}

const codeOf = (fault: unknown): string =>
  fault instanceof Error && "code" in fault ? String(fault.code) : String(fault);
