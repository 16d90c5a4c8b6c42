import { randomUUID } from "node:crypto";
import { createWriteStream, existsSync } from "node:fs";
import { open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { pipeline } from "node:stream/promises";
import * as E from "fp-ts/lib/Either.js";
import { pipe } from "fp-ts/lib/function.js";
import * as TE from "fp-ts/lib/TaskEither.js";
import type { StoreUnavailable } from "../../core/mod.ts";
import { tokens } from "../inversify/mod.ts";
import { endLine, headerLine, recordLine } from "./export-file.ts";
import { codeOf, type Failure, failed } from "./failure.ts";
import { progressFor } from "./progress.ts";
import { countLines, makeRecordCounts, type RecordCounts } from "./record-counts.ts";
import { withStore } from "./store.ts";
import type { PrintOptions, Surroundings } from "./surroundings.ts";

/** The result of an export. */
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
  withStore(
    surroundings,
    "read",
  )((store, application) =>
    pipe(
      application.part(tokens.CONFIG),
      TE.chain(({ store: { _tag } }) => writeExport(surroundings, file, store, _tag.toLowerCase())),
      TE.chainFirstTaskK((report) => warn(surroundings, store, report)),
      TE.map(({ file, records, id, ...counts }) => {
        for (const line of json
          ? [JSON.stringify({ file, id, records, ...counts })]
          : [`${file}: ${records} records are exported`, ...countLines(counts)]) {
          surroundings.print(line);
        }
      }),
    ),
  );

const writeExport = (
  surroundings: Surroundings,
  file: string,
  { transfer }: tokens.Store,
  kind: string,
): TE.TaskEither<Failure, ExportReport> => {
  const part = `${file}.part`;
  const existing = [file, part].find((path) => existsSync(path));
  if (existing !== undefined) {
    return TE.left(
      failed(
        existing === file
          ? `${file}: exists. Remove it, or name another file.`
          : `${part}: exists. Another export is writing it, or was killed: then remove it.`,
      ),
    );
  }
  return async () => {
    const id = randomUUID();
    const counts = makeRecordCounts();
    const progress = progressFor(surroundings)(file);
    const ended = new AbortController();
    surroundings.ended().then(() => ended.abort());
    let records = 0;
    let fault: StoreUnavailable | undefined;

    async function* lines(): AsyncGenerator<string> {
      yield headerLine({ id, exportedAt: new Date().toISOString(), store: kind });
      for await (const page of transfer.read()) {
        if (E.isLeft(page)) {
          fault = page.left;
          throw new Error(page.left.cause);
        }
        yield page.right.map(recordLine).join("");
        counts.add(page.right);
        records += page.right.length;
        progress.update(records, records);
      }
      yield endLine(records);
    }

    try {
      const output = createWriteStream(part, { flags: "wx", mode: 0o600, flush: true });
      await pipeline(lines, output, { signal: ended.signal });
      await publish(part, file);
      return E.right({ file, id, records, ...counts.all() });
    } catch (thrown) {
      // A file that was there is another export's.
      if (codeOf(thrown) !== "EEXIST") {
        await rm(part, { force: true }).catch(() => {});
      }
      return E.left(failureOf(part, thrown, fault, ended.signal.aborted));
    } finally {
      progress.stop();
    }
  };
};

const failureOf = (
  part: string,
  thrown: unknown,
  fault: StoreUnavailable | undefined,
  wasEnded: boolean,
): Failure => {
  if (wasEnded) {
    return failed("The export was stopped; nothing of it is left.");
  }
  return failed(
    fault === undefined
      ? `${part}: cannot be written: ${codeOf(thrown)}. Export again once the folder exists and the disk has room.`
      : `store: ${fault.cause}`,
  );
};

/** Renames the file, and flushes the folder so that the new name survives a power failure. */
const publish = async (part: string, file: string): Promise<void> => {
  await rename(part, file);
  // Some systems cannot flush a folder; the content of the file is flushed already.
  const folder = await open(dirname(file)).catch(() => undefined);
  await folder?.sync().catch(() => {});
  await folder?.close();
};

/** Warns if an import of this file could send notices twice. */
const warn =
  (
    { complain }: Surroundings,
    { transfer, outbox }: tokens.Store,
    { id, records }: ExportReport,
  ): (() => Promise<void>) =>
  async () => {
    // Marks all records as stored here: otherwise an import here would repeat each notice.
    const marked = await transfer.write(id, records, [])();
    if (E.isLeft(marked)) {
      complain(
        `warning: do not import this file into the same store, which cannot keep its id: ${marked.left.cause}`,
      );
    }
    const status = await outbox.status(Date.now())();
    if (E.isRight(status) && status.right.inFlight > 0) {
      complain(
        `warning: ${status.right.inFlight} notices are in flight: a server uses this store, or ended ` +
          "less than 10 s ago. If one still runs, stop it and export again; otherwise notices are sent twice.",
      );
    }
  };
