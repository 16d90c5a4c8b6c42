import { pipe } from "fp-ts/lib/function.js";
import * as TE from "fp-ts/lib/TaskEither.js";
import type { StoreRecord, StoreTransfer } from "../../core/mod.ts";
import { type ExportFile, openExport } from "./export-file.ts";
import { type Failure, failed } from "./failure.ts";
import { progressFor } from "./progress.ts";
import { countLines, makeRecordCounts, type RecordCounts } from "./record-counts.ts";
import { withStore } from "./store.ts";
import type { PrintOptions, Surroundings } from "./surroundings.ts";
import { transfer } from "./transfer.ts";

/** The result of importing an export. The counts include only the records that this run stored. */
interface ImportReport extends RecordCounts {
  readonly file: string;
  readonly id: string;
  readonly records: number;
  readonly stored: number;
  readonly storedBefore: number;
}

/** Stores the records of an export. Skips those that an earlier import has stored. */
export const importStore = (
  surroundings: Surroundings,
  file: string,
  { json = false }: PrintOptions,
): TE.TaskEither<Failure, void> =>
  pipe(
    openExport(file),
    TE.chain((exported) =>
      withStore(
        surroundings,
        "write",
      )((store) => importRecords(surroundings, file, exported, store.transfer)),
    ),
    TE.map((report) => {
      for (const line of json ? [JSON.stringify(report)] : asText(report)) {
        surroundings.print(line);
      }
    }),
  );

const importRecords = (
  surroundings: Surroundings,
  file: string,
  { id, records, size, batches }: ExportFile,
  { received, write }: StoreTransfer,
): TE.TaskEither<Failure, ImportReport> =>
  pipe(
    received(id),
    TE.mapLeft(({ cause }) => failed(`store: ${cause}`)),
    TE.chain((storedBefore) => {
      const counts = makeRecordCounts();
      let first = storedBefore;
      const put = (some: ReadonlyArray<StoreRecord>) =>
        pipe(
          write(id, first, some),
          TE.map(() => {
            first += some.length;
            counts.add(some);
          }),
        );
      const source = {
        name: file,
        by: "line",
        total: size,
        batches: batches(storedBefore),
      } as const;
      return pipe(
        storedBefore >= records
          ? TE.right<Failure, unknown>(undefined)
          : transfer(source, put, progressFor(surroundings)),
        TE.map(() => ({
          file,
          id,
          records,
          stored: first - storedBefore,
          storedBefore,
          ...counts.all(),
        })),
      );
    }),
  );

const asText = ({
  file,
  records,
  stored,
  storedBefore,
  ...counts
}: ImportReport): ReadonlyArray<string> =>
  stored === 0
    ? [`${file}: all ${records} records were stored before; nothing is changed`]
    : [
        `${file}: ${stored} records are stored${storedBefore === 0 ? "" : `, ${storedBefore} were stored before`}`,
        ...countLines(counts),
      ];
