import type { ConversationKey, ConversationType } from "../../core/mod.ts";

/** How many parts the conversations are in: each is on one node of a Cluster. */
const PARTITIONS = 32;

/** The keys of one partition. They share a hash tag, so that a script may touch them together. */
export interface PartitionKeys {
  readonly statuses: string;
  readonly due: (type: ConversationType) => string;
  readonly leases: string;
  readonly ages: string;
  readonly tallies: string;
  readonly dead: string;
  readonly sequence: string;
  readonly token: string;
  readonly probe: string;
  /** By the id of an export, the number of the next of its records that this partition takes. */
  readonly received: string;
  readonly queue: (conversation: ConversationKey) => string;
  readonly state: (conversation: ConversationKey) => string;
  /** That a change was made: see scripts.ts. */
  readonly done: (change: string) => string;
}

/** The keys of all that is stored. */
export interface Keys {
  readonly partitions: ReadonlyArray<PartitionKeys>;
  readonly partitionOf: (conversation: ConversationKey) => PartitionKeys;
  /** That a set's change was made. It has the set's own name as its hash tag. */
  readonly related: (set: string, change: string) => string;
  readonly friends: (user: string) => string;
  readonly members: (group: string) => string;
  /** By the id of an export, how many of its records are stored. */
  readonly received: string;
}

/** The keys under a prefix. */
export const makeKeys = (prefix: string): Keys => {
  const partitions = Array.from({ length: PARTITIONS }, (_, number) =>
    makePartition(`${prefix}{${number}}:`),
  );
  const first = makePartition(`${prefix}{0}:`);
  return {
    partitions,
    partitionOf: (conversation) => partitions[partOf(conversation)] ?? first,
    related: (set, change) => `${prefix}related:{${set}}:${change}`,
    friends: (user) => `${prefix}friends:${user}`,
    members: (group) => `${prefix}members:${group}`,
    received: `${prefix}received`,
  };
};

const makePartition = (prefix: string): PartitionKeys => ({
  statuses: `${prefix}statuses`,
  due: (type) => `${prefix}due:${type}`,
  leases: `${prefix}leases`,
  ages: `${prefix}ages`,
  tallies: `${prefix}tallies`,
  dead: `${prefix}dead`,
  sequence: `${prefix}sequence`,
  token: `${prefix}token`,
  probe: `${prefix}probe`,
  received: `${prefix}received`,
  queue: (conversation) => `${prefix}queue:${conversation}`,
  state: (conversation) => `${prefix}state:${conversation}`,
  done: (change) => `${prefix}done:${change}`,
});

// FNV-1a. It decides where what is stored is found again: it must never change.
const partOf = (conversation: string): number => {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(conversation)) {
    hash = Math.imul(hash ^ byte, 0x01000193);
  }
  return (hash >>> 0) % PARTITIONS;
};
