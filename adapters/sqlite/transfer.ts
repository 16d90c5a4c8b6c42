import * as E from "fp-ts/lib/Either.js";
import { pipe } from "fp-ts/lib/function.js";
import * as J from "fp-ts/lib/Json.js";
import * as O from "fp-ts/lib/Option.js";
import * as TE from "fp-ts/lib/TaskEither.js";
import * as t from "io-ts";
import {
  Id,
  MAX_PAGE_RECORDS,
  NoticeStatus,
  type StorePage,
  type StoreRecord,
  type StoreTransfer,
  storeUnavailable,
} from "../../core/mod.ts";
import { decodeMessage, decodeRow, type SqliteFile } from "./file.ts";
import { deadLetterOf } from "./outbox.ts";
import type { Attempted, Query } from "./reader.ts";

/** One kind of record, in pages. */
interface Section {
  /** Selects the rows behind a key. The column `key` is that of the row, as a JSON array. */
  readonly sql: string;
  /** A key that is before all others. */
  readonly start: ReadonlyArray<string | number>;
  readonly recordOf: (row: unknown) => Attempted<StoreRecord>;
}

/** Makes a record of a row: `codec` reads its columns. */
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

/** Where a page begins: a section, and the key of the row before. */
const Cursor = t.tuple([t.number, t.array(t.union([t.string, t.number]))]);

const cursorText = (section: number, key: string): string => `[${section},${key}]`;

/** Moves the records of the store. */
export const makeTransfer = ({ read, write }: SqliteFile): StoreTransfer => ({
  read: (cursor) =>
    pipe(
      TE.fromEither(decodeCursor(cursor)),
      TE.chain(([section, key]) => read((query) => pageOf(query, section, key))),
    ),
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

const decodeCursor = (cursor: O.Option<string>): Attempted<t.TypeOf<typeof Cursor>> =>
  pipe(
    cursor,
    O.match(
      () => E.right([0, [...(SECTIONS[0]?.start ?? [])]]),
      (text) =>
        pipe(
          J.parse(text),
          E.chainW(Cursor.decode),
          E.mapLeft(() => storeUnavailable("the cursor is not one of this store")),
        ),
    ),
  );

const pageOf = (
  query: Query,
  number: number,
  key: ReadonlyArray<string | number>,
): Attempted<StorePage> => {
  const section = SECTIONS[number];
  if (section === undefined) {
    return E.right({ records: [], next: O.none });
  }
  const rows = query(section.sql).all(...key, MAX_PAGE_RECORDS);
  const last = rows.at(-1)?.key;
  const following = SECTIONS[number + 1];
  return pipe(
    rows,
    E.traverseArray(section.recordOf),
    E.map((records) => {
      if (rows.length === MAX_PAGE_RECORDS && typeof last === "string") {
        return { records, next: O.some(cursorText(number, last)) };
      }
      return following === undefined
        ? { records, next: O.none }
        : { records, next: O.some(cursorText(number + 1, JSON.stringify(following.start))) };
    }),
  );
};
