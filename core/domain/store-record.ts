/**
 * Records: the content of a store, in a form that every store can read and write.
 *
 * @module
 */
import * as t from "io-ts";
import type { ConversationKey } from "./conversation.ts";
import { guarded, NonEmptyText } from "./decode.ts";
import { DeadLetter } from "./delivery.ts";
import { type GroupId, Id, type UserId } from "./identity.ts";
import { OutboundMessage } from "./message.ts";
import { NoticeStatus } from "./screen-capture.ts";

/**
 * The maximum number of records in one read or write.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { MAX_BATCH_RECORDS } from "sealtalk-misc";
 *
 * assert.equal(MAX_BATCH_RECORDS, 1_000);
 * ```
 */
export const MAX_BATCH_RECORDS = 1_000;

/** A friendship. Each is one record: `user` is the smaller of the two ids. */
export interface FriendsRecord {
  /** Which kind of record this is. */
  readonly _tag: "FRIENDS";
  /** The user with the smaller id. */
  readonly user: UserId;
  /** The user with the greater id. */
  readonly friend: UserId;
}

/** A member of a group. */
export interface MemberRecord {
  /** Which kind of record this is. */
  readonly _tag: "MEMBER";
  /** The group. */
  readonly group: GroupId;
  /** A member of it. */
  readonly user: UserId;
}

/** The status of a conversation. */
export interface StatusRecord {
  /** Which kind of record this is. */
  readonly _tag: "STATUS";
  /** The conversation that has the status. */
  readonly conversation: ConversationKey;
  /** Whether screenshot notices are on. */
  readonly status: NoticeStatus;
  /** Whether `importStatuses` stored it and no user has set it since. An import may replace it. */
  readonly imported: boolean;
}

/** A notice that waits in its conversation's queue. Times are in milliseconds since the epoch. */
export interface NoticeRecord {
  /** Which kind of record this is. */
  readonly _tag: "NOTICE";
  /** The conversation in whose queue the notice waits. */
  readonly conversation: ConversationKey;
  /** The message to send. */
  readonly notice: OutboundMessage;
  /** How often delivery was tried. */
  readonly attempts: number;
  /** When the notice was first stored. */
  readonly storedAt: number;
  /**
   * When the head of the queue may be claimed: its due time or, while it is claimed, the end of its
   * lease. All notices of a conversation have the same value.
   */
  readonly dueAt: number;
  /** Why the notice was postponed the last time. Only the head of a queue can have one. */
  readonly reason?: string;
}

/** A dead letter. */
export interface DeadLetterRecord {
  /** Which kind of record this is. */
  readonly _tag: "DEAD_LETTER";
  /** The notice, and why it died. */
  readonly letter: DeadLetter;
}

/** One thing that a store holds. */
export type StoreRecord =
  | FriendsRecord
  | MemberRecord
  | StatusRecord
  | NoticeRecord
  | DeadLetterRecord;

const Time = guarded(
  "milliseconds since the epoch",
  (value): value is number => typeof value === "number" && Number.isFinite(value),
);

const Attempts = guarded(
  "a whole number that is not negative",
  (value): value is number =>
    typeof value === "number" && Number.isSafeInteger(value) && value >= 0,
);

/** Decodes a record of this kind. */
const FriendsRecord: t.Type<FriendsRecord, unknown, unknown> = t.refinement(
  t.type({ _tag: t.literal("FRIENDS"), user: Id, friend: Id }),
  ({ user, friend }) => user < friend,
  "two different users, the smaller id first",
);

/** Decodes a record of this kind. */
const MemberRecord: t.Type<MemberRecord, unknown, unknown> = t.type({
  _tag: t.literal("MEMBER"),
  group: Id,
  user: Id,
});

/** Decodes a record of this kind. */
const StatusRecord: t.Type<StatusRecord, unknown, unknown> = t.type({
  _tag: t.literal("STATUS"),
  conversation: NonEmptyText,
  status: NoticeStatus,
  imported: t.boolean,
});

/** Decodes a record of this kind. */
const NoticeRecord: t.Type<NoticeRecord, unknown, unknown> = t.intersection([
  t.type({
    _tag: t.literal("NOTICE"),
    conversation: NonEmptyText,
    notice: OutboundMessage,
    attempts: Attempts,
    storedAt: Time,
    dueAt: Time,
  }),
  t.partial({ reason: t.string }),
]);

/** Decodes a record of this kind. */
const DeadLetterRecord: t.Type<DeadLetterRecord, unknown, unknown> = t.type({
  _tag: t.literal("DEAD_LETTER"),
  letter: DeadLetter,
});

/**
 * Decodes a {@link StoreRecord}, for a program that keeps records outside a store.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { StoreRecord } from "sealtalk-misc";
 *
 * assert.equal(StoreRecord.is({ _tag: "MEMBER", group: "7", user: "1" }), true);
 * assert.equal(StoreRecord.is({ _tag: "FRIENDS", user: "2", friend: "1" }), false);
 * ```
 */
export const StoreRecord: t.Type<StoreRecord, unknown, unknown> = t.union(
  [FriendsRecord, MemberRecord, StatusRecord, NoticeRecord, DeadLetterRecord],
  "a record of a store",
);
