import { pipe } from "fp-ts/lib/function.js";
import * as NEA from "fp-ts/lib/NonEmptyArray.js";
import * as RR from "fp-ts/lib/ReadonlyRecord.js";
import * as TE from "fp-ts/lib/TaskEither.js";
import type {
  DeadLetterRecord,
  FriendsRecord,
  MemberRecord,
  NoticeRecord,
  RelationshipDirectory,
  StatusRecord,
  StoreRecord,
  StoreTransfer,
  StoreUnavailable,
} from "../../core/mod.ts";
import { type Connection, scripted } from "./connection.ts";
import type { Keys, PartitionKeys } from "./keys.ts";
import { DEAD, ENTRY, type RedisOutbox } from "./outbox.ts";
import { RECEIVE, RECEIVED } from "./scripts.ts";
import { IMPORTED, STATUS } from "./settings.ts";
import { makeRead } from "./transfer-read.ts";

/** A record that one partition keeps. */
type PartitionRecord = StatusRecord | NoticeRecord | DeadLetterRecord;

/** A record, and its number in the export. */
interface Numbered<A extends StoreRecord> {
  readonly number: number;
  readonly record: A;
}

/**
 * Reads and writes whole stores. Relationships are sets, so writing them again changes nothing.
 * The other records are written by one script for each partition, which also stores the number of
 * the next record, so that a repeated write skips them.
 */
export const makeTransfer = (
  connection: Connection,
  keys: Keys,
  { announce }: Pick<RedisOutbox, "announce">,
  { addFriends, addMembers }: RelationshipDirectory,
): StoreTransfer => {
  const { ask, change } = connection;

  const received: StoreTransfer["received"] = (exportId) =>
    pipe(
      ask((client) => client.hget(keys.received, exportId)),
      TE.map(Number),
    );

  const writeRelations = (
    records: ReadonlyArray<StoreRecord>,
  ): TE.TaskEither<StoreUnavailable, unknown> =>
    pipe(
      addFriends(records.filter(isFriends).map(({ user, friend }) => [user, friend])),
      TE.chain(() =>
        pipe(
          Object.values(
            NEA.groupBy(({ group }: MemberRecord) => `group ${group}`)(records.filter(isMember)),
          ),
          TE.traverseArray((some) =>
            addMembers(
              some[0].group,
              some.map(({ user }) => user),
            ),
          ),
        ),
      ),
    );

  const writePartition = (
    exportId: string,
    records: NEA.NonEmptyArray<Numbered<PartitionRecord>>,
  ): TE.TaskEither<StoreUnavailable, unknown> => {
    const partition = keys.partitionOf(conversationOf(records[0].record));
    const queues = makeQueues(partition);
    const args = records.flatMap(({ number, record }) => [
      number,
      ...argumentsOf(record, queues.place),
    ]);
    return change(
      scripted(RECEIVE)(
        [
          partition.received,
          partition.statuses,
          partition.due("PRIVATE"),
          partition.due("GROUP"),
          partition.ages,
          partition.sequence,
          partition.tallies,
          partition.dead,
          ...queues.keys(),
        ],
        [exportId, NEA.last(records).number + 1, ...args],
      ),
    );
  };

  return {
    read: makeRead(connection, keys),
    received,
    write: (exportId, first, records) =>
      pipe(
        received(exportId),
        TE.map((before) =>
          records
            .map((record, index) => ({ number: first + index, record }))
            .filter(({ number }) => number >= before),
        ),
        TE.chainFirst((numbered) => writeRelations(numbered.map(({ record }) => record))),
        TE.chainFirst((numbered) =>
          pipe(
            numbered.filter(isOfPartition),
            NEA.groupBy(({ record }) => keys.partitionOf(conversationOf(record)).received),
            RR.toEntries,
            TE.traverseArray(([, some]) => writePartition(exportId, some)),
          ),
        ),
        TE.chain(() =>
          change(scripted(RECEIVED)([keys.received], [exportId, first + records.length])),
        ),
        TE.map(announce),
      ),
  };
};

const isFriends = (record: StoreRecord): record is FriendsRecord => record._tag === "FRIENDS";

const isMember = (record: StoreRecord): record is MemberRecord => record._tag === "MEMBER";

const isOfPartition = (one: Numbered<StoreRecord>): one is Numbered<PartitionRecord> =>
  one.record._tag !== "FRIENDS" && one.record._tag !== "MEMBER";

const conversationOf = (record: PartitionRecord): string =>
  record._tag === "DEAD_LETTER" ? record.letter.conversation : record.conversation;

/** Collects the keys of the queues that a script appends to, one pair for each conversation. */
const makeQueues = (partition: PartitionKeys) => {
  const places = new Map<string, number>();
  return {
    /** Returns the index of the conversation's pair of keys, from 0. */
    place: (conversation: string): number => {
      const place = places.get(conversation) ?? places.size;
      places.set(conversation, place);
      return place;
    },
    keys: (): ReadonlyArray<string> =>
      [...places.keys()].flatMap((conversation) => [
        partition.queue(conversation),
        partition.state(conversation),
      ]),
  };
};

/** Returns the script's arguments for a record: its kind, then the arguments of that kind. */
const argumentsOf = (
  record: PartitionRecord,
  placeOf: (conversation: string) => number,
): ReadonlyArray<string | number> => {
  switch (record._tag) {
    case "STATUS": {
      const { conversation, imported, status } = record;
      return ["STATUS", `${imported ? IMPORTED : ""}${conversation}`, STATUS.write(status)];
    }
    case "NOTICE": {
      const { conversation, notice, attempts, storedAt, dueAt, reason } = record;
      return [
        "NOTICE",
        conversation,
        placeOf(conversation),
        notice.conversationType,
        ENTRY.write({ notice, attempts, storedAt }),
        storedAt,
        dueAt,
        reason === undefined ? "" : `postponed ${reason}`,
      ];
    }
    case "DEAD_LETTER":
      return ["DEAD_LETTER", `dead ${record.letter.reason}`, DEAD.write(record.letter)];
  }
};
