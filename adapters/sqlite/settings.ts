import * as E from "fp-ts/lib/Either.js";
import { pipe } from "fp-ts/lib/function.js";
import * as TE from "fp-ts/lib/TaskEither.js";
import { type ImportableSettings, NoticeStatus } from "../../core/mod.ts";
import { damaged, type SqliteFile } from "./file.ts";
import type { SqliteOutbox } from "./outbox.ts";

/** Makes the settings. A status and its notice are stored as one change. */
export const makeSettings = (
  { read, write, writeEach }: SqliteFile,
  { addNotice }: SqliteOutbox,
): ImportableSettings => ({
  noticeStatus: (conversation) =>
    read((query) => {
      const row = query(
        "SELECT coalesce(status, imported, 0) AS status FROM statuses WHERE conversation = ?",
      ).get(conversation);
      const status = row?.status ?? 0;
      return NoticeStatus.is(status) ? E.right(status) : damaged("statuses");
    }),
  setNoticeStatus: (conversation, status, notice) => addNotice(conversation, notice, status),
  importStatuses: (some) => writeEach(some, (part) => write("importStatuses", part)),
  ready: () =>
    pipe(
      write("probe"),
      TE.map(() => undefined),
    ),
});
