import { randomUUID } from "node:crypto";
import { access, type FileHandle, open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import * as E from "fp-ts/lib/Either.js";
import { pipe } from "fp-ts/lib/function.js";
import * as O from "fp-ts/lib/Option.js";
import * as TE from "fp-ts/lib/TaskEither.js";
import type { StorePage, StoreRecord } from "../../core/mod.ts";
import { tokens } from "../inversify/mod.ts";
import { endLine, headerLine, recordLine } from "./export-file.ts";
import { codeOf, type Failure, failed } from "./failure.ts";
import { progressFor } from "./progress.ts";
import { countLines, makeRecordCounts, type RecordCounts } from "./record-counts.ts";
import { withStore } from "./store.ts";
import type { PrintOptions, Surroundings } from "./surroundings.ts";

/** What an export came to. */
interface ExportReport extends RecordCounts {
  readonly file: string;
  readonly id: string;
  readonly records: number;
}

/** Writes everything that the store holds into a file, which appears once it is complete. */
export const exportStore = (
  surroundings: Surroundings,
  file: string,
  { json = false }: PrintOptions,
): TE.TaskEither<Failure, void> =>
  withStore(surroundings)((store, application) =>
    pipe(
      application.part(tokens.CONFIG),
      TE.chain(({ store: { _tag } }) =>
        writeExport(surroundings, file, { ...store, kind: _tag.toLowerCase() }),
      ),
      TE.map((report) => {
        for (const line of json ? [JSON.stringify(report)] : asText(report)) {
          surroundings.print(line);
        }
      }),
    ),
  );

const asText = ({ file, records, ...counts }: ExportReport): ReadonlyArray<string> => [
  `${file}: ${records} records are exported`,
  ...countLines(counts),
];

interface ExportedStore extends Pick<tokens.Store, "transfer" | "outbox"> {
  readonly kind: string;
}

const writeExport = (
  surroundings: Surroundings,
  file: string,
  store: ExportedStore,
): TE.TaskEither<Failure, ExportReport> => {
  const part = `${file}.part`;
  return pipe(
    refuseExisting(file),
    TE.chain(() => TE.tryCatch(() => open(part, "wx", 0o600), unopened(part))),
    TE.chain((handle) =>
      pipe(
        writeRecords(surroundings, file, handle, store),
        TE.chainFirst(() => tryFile(part, () => handle.sync())),
        closing(part, handle),
        TE.chainFirst(() => refuseExisting(file)),
        TE.chainFirst(() => tryFile(file, () => publish(part, file))),
        TE.orElseFirstTaskK(() => () => rm(part, { force: true }).catch(() => {})),
      ),
    ),
  );
};

const refuseExisting =
  (file: string): TE.TaskEither<Failure, void> =>
  async () => {
    const fault = await access(file).catch(codeOf);
    return fault === "ENOENT"
      ? E.right(undefined)
      : E.left(
          failed(
            fault === undefined
              ? `${file}: exists. Remove it, or name another file.`
              : `${file}: ${fault}`,
          ),
        );
  };

const unopened =
  (part: string) =>
  (fault: unknown): Failure => {
    const code = codeOf(fault);
    return failed(
      code === "EEXIST"
        ? `${part}: exists. Another export is writing it, or was killed: then remove it.`
        : `${part}: ${code}`,
    );
  };

const tryFile = <A>(file: string, work: () => Promise<A>): TE.TaskEither<Failure, A> =>
  TE.tryCatch(work, (fault) =>
    failed(
      `${file}: cannot be written: ${codeOf(fault)}. Export again once the disk has room and works.`,
    ),
  );

/** Closes the file after whatever was done with it, whose fault comes before one of closing. */
const closing =
  (part: string, handle: FileHandle) =>
  <A>(work: TE.TaskEither<Failure, A>): TE.TaskEither<Failure, A> =>
  async () => {
    const outcome = await work();
    const closed = await tryFile(part, () => handle.close())();
    return E.isLeft(outcome) || E.isRight(closed) ? outcome : closed;
  };

/** Gives the file its name, and flushes the folder so that the name outlives a power failure. */
const publish = async (part: string, file: string): Promise<void> => {
  await rename(part, file);
  // Not every system can flush a folder; the content is flushed already.
  const folder = await open(dirname(file)).catch(() => undefined);
  await folder?.sync().catch(() => {});
  await folder?.close();
};

const writeRecords =
  (
    surroundings: Surroundings,
    file: string,
    handle: FileHandle,
    { kind, transfer, outbox }: ExportedStore,
  ): TE.TaskEither<Failure, ExportReport> =>
  async () => {
    const id = randomUUID();
    const counts = makeRecordCounts();
    const progress = progressFor(surroundings)(file);
    let records = 0;
    const write = (...lines: ReadonlyArray<string>): TE.TaskEither<Failure, void> =>
      tryFile(`${file}.part`, () => handle.appendFile(lines.join("")));
    const writePage = (page: ReadonlyArray<StoreRecord>): TE.TaskEither<Failure, void> => {
      counts.add(page);
      records += page.length;
      progress.update(records, records);
      return write(...page.map(recordLine));
    };
    const outcome = await pipe(
      write(headerLine({ id, exportedAt: new Date().toISOString(), store: kind })),
      TE.chain(() => forEachPage(transfer, watchEnd(surroundings), writePage)),
      TE.chain(() => write(endLine(records))),
    )();
    progress.stop();
    if (E.isLeft(outcome)) {
      return outcome;
    }
    for (const warning of [
      ...(await markExported(transfer, id, records)),
      ...(await findDeliveries(outbox)),
    ]) {
      surroundings.complain(`warning: ${warning}`);
    }
    return E.right({ file, id, records, ...counts.all() });
  };

/** Reads a store page by page, the next one once the last was used. */
const forEachPage =
  (
    { read }: ExportedStore["transfer"],
    isEnded: () => boolean,
    use: (records: ReadonlyArray<StoreRecord>) => TE.TaskEither<Failure, void>,
  ): TE.TaskEither<Failure, void> =>
  async () => {
    let cursor: O.Option<string> = O.none;
    do {
      const page: E.Either<Failure, StorePage> = await pipe(
        read(cursor),
        TE.mapLeft(({ cause }) => failed(`store: ${cause}`)),
        TE.chainFirst(({ records }) => use(records)),
        TE.filterOrElse(
          () => !isEnded(),
          () => failed("the export was ended; nothing of it is left"),
        ),
      )();
      if (E.isLeft(page)) {
        return page;
      }
      cursor = page.right.next;
    } while (O.isSome(cursor));
    return E.right(undefined);
  };

/** Whether the process was asked to end. */
const watchEnd = ({ ended }: Surroundings): (() => boolean) => {
  let asked = false;
  ended().then(() => {
    asked = true;
  });
  return () => asked;
};

/** Has the store skip this export: imported where it came from, it would append every notice again. */
const markExported = async (
  transfer: ExportedStore["transfer"],
  id: string,
  records: number,
): Promise<ReadonlyArray<string>> => {
  const marked = await transfer.write(id, records, [])();
  return E.isRight(marked)
    ? []
    : [
        `do not import this file into the same store, which cannot keep its id: ${marked.left.cause}`,
      ];
};

/** A server that works on the store may deliver what was exported. */
const findDeliveries = async (outbox: ExportedStore["outbox"]): Promise<ReadonlyArray<string>> => {
  const status = await outbox.status(Date.now())();
  return E.isLeft(status) || status.right.inFlight === 0
    ? []
    : [
        `${status.right.inFlight} notices are in flight: a server uses this store, or ended less than 10 s ago. If one still runs, stop it and export again; otherwise notices are sent twice.`,
      ];
};
