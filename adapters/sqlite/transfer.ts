import * as E from "fp-ts/lib/Either.js";
import { pipe } from "fp-ts/lib/function.js";
import * as J from "fp-ts/lib/Json.js";
import * as TE from "fp-ts/lib/TaskEither.js";
import * as t from "io-ts";
import {
  Id,
  MAX_BATCH_RECORDS,
  NoticeStatus,
  type StoreRecord,
  type StoreTransfer,
} from "../../core/mod.ts";
import { damaged, decodeMessage, decodeRow, type SqliteFile } from "./file.ts";
import { deadLetterOf } from "./outbox.ts";
import type { Attempted, Query } from "./reader.ts";

/** One kind of record, in pages. */
interface Section {
  /** Selects the rows after a key. The column `key` has the key of the row, as a JSON array. */
  readonly sql: string;
  /** A key that is before all others. */
  readonly start: ReadonlyArray<string | number>;
  readonly recordOf: (row: unknown) => Attempted<StoreRecord>;
}

/** Makes a function that turns a row into a record: `codec` reads the columns. */
const recordBy =
  <Columns>(
    table: string,
    codec: t.Decoder<unknown, Columns>,
    make: (columns: Columns) => Attempted<StoreRecord>,
  ): Section["recordOf"] =>
  (row) =>
    pipe(row, decodeRow(table, codec), E.chain(make));

const SECTIONS: ReadonlyArray<Section> = [
  {
    sql: `SELECT user, friend, json_array(user, friend) AS key FROM friends
          WHERE (user, friend) > (?, ?) AND user < friend ORDER BY user, friend LIMIT ?`,
    start: ["", ""],
    recordOf: recordBy("friends", t.type({ user: Id, friend: Id }), ({ user, friend }) =>
      E.right({ _tag: "FRIENDS", user, friend }),
    ),
  },
  {
    sql: `SELECT group_id AS "group", user, json_array(group_id, user) AS key FROM members
          WHERE (group_id, user) > (?, ?) ORDER BY group_id, user LIMIT ?`,
    start: ["", ""],
    recordOf: recordBy("members", t.type({ group: Id, user: Id }), ({ group, user }) =>
      E.right({ _tag: "MEMBER", group, user }),
    ),
  },
  {
    sql: `SELECT conversation, coalesce(status, imported) AS status, status IS NULL AS imported,
                 json_array(conversation) AS key FROM statuses
          WHERE conversation > ? ORDER BY conversation LIMIT ?`,
    start: [""],
    recordOf: recordBy(
      "statuses",
      t.type({ conversation: t.string, status: NoticeStatus, imported: t.number }),
      ({ conversation, status, imported }) =>
        E.right({ _tag: "STATUS", conversation, status, imported: imported === 1 }),
    ),
  },
  {
    sql: `SELECT n.conversation, n.notice, n.attempts, n.stored_at AS storedAt, q.due_at AS dueAt,
                 iif(n.position = (SELECT min(position) FROM notices
                                   WHERE conversation = n.conversation), q.reason, NULL) AS reason,
                 json_array(n.conversation, n.position) AS key
          FROM notices n JOIN queues q USING (conversation)
          WHERE (n.conversation, n.position) > (?, ?) ORDER BY n.conversation, n.position LIMIT ?`,
    start: ["", 0],
    recordOf: recordBy(
      "notices",
      t.type({
        ...{ conversation: t.string, notice: t.string, attempts: t.number },
        ...{ storedAt: t.number, dueAt: t.number, reason: t.union([t.string, t.null]) },
      }),
      ({ conversation, notice: text, attempts, storedAt, dueAt, reason }) =>
        pipe(
          decodeMessage("notices", text),
          E.map((notice) => ({
            ...{ _tag: "NOTICE", conversation, notice, attempts, storedAt, dueAt },
            ...(reason === null ? {} : { reason }),
          })),
        ),
    ),
  },
  {
    sql: `SELECT conversation, notice, reason, attempts, stored_at AS storedAt, died_at AS diedAt,
                 json_array(died_at, id) AS key
          FROM dead_letters WHERE (died_at, id) > (?, ?) ORDER BY died_at, id LIMIT ?`,
    start: [Number.MIN_SAFE_INTEGER, 0],
    recordOf: (row) =>
      pipe(
        deadLetterOf(row),
        E.map((letter) => ({ _tag: "DEAD_LETTER", letter })),
      ),
  },
];

const Key = t.array(t.union([t.string, t.number]));

/** Moves the records of the store. */
export const makeTransfer = ({ read, write }: SqliteFile): StoreTransfer => ({
  read: async function* () {
    for (const section of SECTIONS) {
      let key: ReadonlyArray<string | number> = section.start;
      for (let isLast = false; !isLast; ) {
        const page: Attempted<Page> = await read((query) => pageOf(query, section, key))();
        yield E.map(({ records }: Page) => records)(page);
        if (E.isLeft(page)) {
          return;
        }
        isLast = page.right.records.length < MAX_BATCH_RECORDS;
        key = page.right.last;
      }
    }
  },
  received: (exportId) =>
    read((query) =>
      decodeRow(
        "received",
        t.number,
      )(query("SELECT records FROM received WHERE export_id = ?").get(exportId)?.records ?? 0),
    ),
  write: (exportId, first, records) =>
    pipe(
      write("receive", exportId, first, records),
      TE.map(() => undefined),
    ),
});

/** Some records of a section, and the key of the last one. */
interface Page {
  readonly records: ReadonlyArray<StoreRecord>;
  readonly last: ReadonlyArray<string | number>;
}

const pageOf = (
  query: Query,
  { sql, recordOf, start }: Section,
  after: ReadonlyArray<string | number>,
): Attempted<Page> => {
  const rows = query(sql).all(...after, MAX_BATCH_RECORDS);
  return pipe(
    E.Do,
    E.apS("records", pipe(rows, E.traverseArray(recordOf))),
    E.apS(
      "last",
      pipe(
        J.parse(String(rows.at(-1)?.key ?? JSON.stringify(start))),
        E.chainW(Key.decode),
        E.orElseW(() => damaged("a key")),
      ),
    ),
  );
};
