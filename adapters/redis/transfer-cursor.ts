import * as E from "fp-ts/lib/Either.js";
import { pipe } from "fp-ts/lib/function.js";
import * as J from "fp-ts/lib/Json.js";
import * as t from "io-ts";
import {
  ConversationType,
  StoreRecord,
  type StoreUnavailable,
  storeUnavailable,
} from "../../core/mod.ts";

/** A position among the sets of ids. The nodes of a Cluster are scanned one after the other. */
export interface RelationPosition {
  readonly stage: "FRIENDS" | "MEMBER";
  /** The addresses of the nodes that are not scanned to the end; the first is being scanned. */
  readonly nodes: ReadonlyArray<string>;
  /** The cursor of SCAN on that node. */
  readonly scan: string;
  /** Keys that were found and are not read to the end. */
  readonly keys: ReadonlyArray<string>;
  /** The cursor of SSCAN in the first of them. */
  readonly members: string;
}

/** A position among the statuses. The partitions are read one after the other. */
export interface StatusPosition {
  readonly stage: "STATUS";
  readonly partition: number;
  /** The cursor of HSCAN. */
  readonly scan: string;
}

/** A position among the queues. The partitions are read one after the other. */
export interface NoticePosition {
  readonly stage: "NOTICE";
  readonly partition: number;
  readonly type: ConversationType;
  /** The cursor of ZSCAN among the conversations that have a queue; null: it reached the end. */
  readonly scan: string | null;
  /** Conversations that were found and are not read to the end, and when each is due. */
  readonly queues: ReadonlyArray<readonly [conversation: string, dueAt: number]>;
  /** How many notices of the first of them were read. */
  readonly index: number;
}

/** A position among the dead letters: how many of each partition were read. */
export interface DeadPosition {
  readonly stage: "DEAD_LETTER";
  readonly read: ReadonlyArray<number>;
}

/** How far a store is read. */
export type Position = RelationPosition | StatusPosition | NoticePosition | DeadPosition;

/** What a cursor of the transfer says. */
export interface Cursor {
  /** Records that were read and not returned yet: Redis may answer more than it is asked for. */
  readonly rest: ReadonlyArray<StoreRecord>;
  /** Where to go on reading; null: everything was read. */
  readonly position: Position | null;
}

const Position: t.Type<Position, unknown, unknown> = t.union([
  t.type({
    stage: t.union([t.literal("FRIENDS"), t.literal("MEMBER")]),
    nodes: t.readonlyArray(t.string),
    scan: t.string,
    keys: t.readonlyArray(t.string),
    members: t.string,
  }),
  t.type({ stage: t.literal("STATUS"), partition: t.number, scan: t.string }),
  t.type({
    stage: t.literal("NOTICE"),
    partition: t.number,
    type: ConversationType,
    scan: t.union([t.string, t.null]),
    queues: t.readonlyArray(t.readonly(t.tuple([t.string, t.number]))),
    index: t.number,
  }),
  t.type({ stage: t.literal("DEAD_LETTER"), read: t.readonlyArray(t.number) }),
]);

const Cursor: t.Type<Cursor, unknown, unknown> = t.type({
  rest: t.readonlyArray(StoreRecord),
  position: t.union([Position, t.null]),
});

/** Writes a cursor as text. */
export const writeCursor = (cursor: Cursor): string => JSON.stringify(Cursor.encode(cursor));

/** Reads a cursor that {@link writeCursor} wrote. */
export const readCursor = (text: string): E.Either<StoreUnavailable, Cursor> =>
  pipe(
    J.parse(text),
    E.chainW(Cursor.decode),
    E.mapLeft(() => storeUnavailable("the cursor is not from this store")),
  );
