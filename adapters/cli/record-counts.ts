import type { StoreRecord } from "../../core/mod.ts";

/** How many records of each kind there are. */
export interface RecordCounts {
  readonly friendships: number;
  readonly members: number;
  readonly statuses: number;
  readonly notices: number;
  readonly deadLetters: number;
}

const KINDS: Readonly<Record<StoreRecord["_tag"], keyof RecordCounts>> = {
  FRIENDS: "friendships",
  MEMBER: "members",
  STATUS: "statuses",
  NOTICE: "notices",
  DEAD_LETTER: "deadLetters",
};

const NAMES: ReadonlyArray<readonly [keyof RecordCounts, string]> = [
  ["friendships", "friendships"],
  ["members", "group members"],
  ["statuses", "statuses"],
  ["notices", "waiting notices"],
  ["deadLetters", "dead letters"],
];

/** Counts records by their kind as they pass. */
export const makeRecordCounts = () => {
  const counts = { friendships: 0, members: 0, statuses: 0, notices: 0, deadLetters: 0 };
  return {
    add: (records: ReadonlyArray<StoreRecord>): void => {
      for (const { _tag } of records) {
        counts[KINDS[_tag]] += 1;
      }
    },
    all: (): RecordCounts => ({ ...counts }),
  };
};

/** A line for each kind. */
export const countLines = (counts: RecordCounts): ReadonlyArray<string> =>
  NAMES.map(([kind, name]) => `${name}: ${counts[kind]}`);
