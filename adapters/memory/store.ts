import * as E from "fp-ts/lib/Either.js";
import * as O from "fp-ts/lib/Option.js";
import * as TE from "fp-ts/lib/TaskEither.js";
import type {
  Claim,
  ClaimLost,
  ConversationKey,
  ConversationType,
  DeadLetter,
  GroupId,
  ImportableSettings,
  NoticeStatus,
  OutboundMessage,
  Outbox,
  OutboxStatus,
  Outcome,
  ReasonCount,
  RelationshipDirectory,
  StoreRecord,
  StoreTransfer,
  UserId,
} from "../../core/mod.ts";

/** The ports that one store serves together. */
export interface MemoryStore {
  readonly settings: ImportableSettings;
  readonly outbox: Outbox;
  readonly relationships: RelationshipDirectory;
  readonly transfer: StoreTransfer;
}

/** A part of the store: its port, and what its records say. */
interface Part<Port> {
  readonly port: Port;
  readonly records: () => ReadonlyArray<StoreRecord>;
  /** Stores a record, if it is one of this part's. */
  readonly put: (record: StoreRecord) => void;
}

interface Entry {
  readonly notice: OutboundMessage;
  readonly attempts: number;
  readonly storedAt: number;
}

interface Queue {
  readonly type: ConversationType;
  readonly entries: Array<Entry>;
  /** When the head may be claimed: due, or its lease has run out. */
  readonly dueAt: number;
  /** The token of the claim on the head, 0 if there is none. */
  readonly token: number;
  /** Why the head was postponed the last time, if it was. */
  readonly reason?: string;
}

/**
 * A store that forgets everything with the process: the reference for the others, and what unit
 * tests use. `now` is in milliseconds since the epoch.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { right } from "fp-ts/lib/Either.js";
 * import { makeMemoryStore } from "sealtalk-misc/memory";
 *
 * const { settings } = makeMemoryStore();
 * assert.deepEqual(await settings.noticeStatus("group:7")(), right(0));
 * ```
 */
export const makeMemoryStore = ({
  now = Date.now,
}: {
  readonly now?: () => number;
} = {}): MemoryStore => {
  const outbox = makeOutbox(now);
  const settings = makeSettings(outbox.enqueue);
  const relationships = makeRelationships();
  return {
    settings: settings.port,
    outbox: outbox.port,
    relationships: relationships.port,
    transfer: makeTransfer([relationships, settings, outbox]),
  };
};

const makeTransfer = (parts: ReadonlyArray<Part<unknown>>): StoreTransfer => {
  const received = new Map<string, number>();
  return {
    read: async function* () {
      for (const { records } of parts) {
        yield E.right(records());
      }
    },
    received: (exportId) => TE.fromIO(() => received.get(exportId) ?? 0),
    write: (exportId, first, records) =>
      TE.fromIO(() => {
        const before = received.get(exportId) ?? 0;
        for (const record of records.slice(Math.max(0, before - first))) {
          for (const { put } of parts) {
            put(record);
          }
        }
        received.set(exportId, Math.max(before, first + records.length));
      }),
  };
};

type Enqueue = (conversation: ConversationKey, notice: OutboundMessage) => void;

const makeSettings = (enqueue: Enqueue): Part<ImportableSettings> => {
  const statuses = new Map<ConversationKey, NoticeStatus>();
  const imported = new Map<ConversationKey, NoticeStatus>();
  return {
    port: {
      noticeStatus: (conversation) =>
        TE.fromIO(() => statuses.get(conversation) ?? imported.get(conversation) ?? 0),
      setNoticeStatus: (conversation, status, notice) =>
        TE.fromIO(() => {
          statuses.set(conversation, status);
          enqueue(conversation, notice);
        }),
      importStatuses: (some) =>
        TE.fromIO(() => {
          for (const [conversation, status] of some) {
            imported.set(conversation, status);
          }
        }),
      ready: () => TE.right(undefined),
    },
    records: () => [
      ...[...statuses].map(asStatus(false)),
      ...[...imported].filter(([conversation]) => !statuses.has(conversation)).map(asStatus(true)),
    ],
    put: (record) => {
      if (record._tag === "STATUS") {
        (record.imported ? imported : statuses).set(record.conversation, record.status);
      }
    },
  };
};

const asStatus =
  (imported: boolean) =>
  ([conversation, status]: readonly [ConversationKey, NoticeStatus]): StoreRecord => ({
    _tag: "STATUS",
    conversation,
    status,
    imported,
  });

const makeOutbox = (now: () => number): Part<Outbox> & { readonly enqueue: Enqueue } => {
  const queues = new Map<ConversationKey, Queue>();
  const listeners = new Set<() => void>();
  let deadLetters: ReadonlyArray<DeadLetter> = [];
  let lastToken = 0;

  const append = (
    conversation: ConversationKey,
    entry: Entry,
    alone: Pick<Queue, "dueAt" | "reason"> = { dueAt: now() },
  ): void => {
    const type = entry.notice.conversationType;
    const queue = queues.get(conversation) ?? { type, entries: [], token: 0, ...alone };
    queue.entries.push(entry);
    queues.set(conversation, queue);
  };

  const bury = (letter: DeadLetter): void => {
    deadLetters = [...deadLetters, letter].sort((a, b) => a.diedAt - b.diedAt);
  };

  const announce = (): void => {
    for (const listener of listeners) {
      listener();
    }
  };

  const enqueue: Enqueue = (conversation, notice) => {
    append(conversation, { notice, attempts: 0, storedAt: now() });
    announce();
  };

  const claim = (type: ConversationType, at: number, leaseUntil: number): O.Option<Claim> => {
    let due: readonly [ConversationKey, Queue] | undefined;
    for (const candidate of queues) {
      const queue = candidate[1];
      const isDue = queue.type === type && queue.dueAt <= at;
      if (isDue && (due === undefined || queue.dueAt < due[1].dueAt)) {
        due = candidate;
      }
    }
    const head = due?.[1].entries[0];
    if (due === undefined || head === undefined) {
      return O.none;
    }
    lastToken += 1;
    const [conversation, queue] = due;
    queues.set(conversation, { ...queue, dueAt: leaseUntil, token: lastToken });
    return O.some({ conversation, token: lastToken, leaseUntil, ...head });
  };

  const settle = ({ conversation, token }: Claim, outcome: Outcome): E.Either<ClaimLost, void> => {
    const queue = queues.get(conversation);
    const [head, ...behind] = queue?.entries ?? [];
    if (queue?.token !== token || head === undefined) {
      return E.left({ _tag: "CLAIM_LOST" });
    }
    const tried = { ...head, attempts: head.attempts + 1 };
    if (outcome._tag === "POSTPONED") {
      const { until: dueAt, reason } = outcome;
      queues.set(conversation, { ...queue, entries: [tried, ...behind], dueAt, token: 0, reason });
      return E.right(undefined);
    }
    if (outcome._tag === "DEAD") {
      const { reason } = outcome;
      bury({ ...tried, conversation, reason, diedAt: now() });
    }
    queues.delete(conversation);
    if (behind.length > 0) {
      queues.set(conversation, { type: queue.type, entries: behind, dueAt: now(), token: 0 });
    }
    return E.right(undefined);
  };

  const status = (at: number): OutboxStatus => {
    const entries = [...queues.values()].flatMap((queue) => queue.entries);
    const reasons = [...queues.values()].flatMap(({ reason }) => reason ?? []);
    return {
      pending: entries.length,
      oldest: O.fromNullable(entries.map(({ storedAt }) => storedAt).sort((a, b) => a - b)[0]),
      inFlight: [...queues.values()].filter(({ token, dueAt }) => token > 0 && dueAt > at).length,
      dead: deadLetters.length,
      reasons: [
        ...tally("postponed", reasons),
        ...tally(
          "dead",
          deadLetters.map(({ reason }) => reason),
        ),
      ],
    };
  };

  const retry = (at: number): number => {
    const postponed = [...queues].filter(([, { token, dueAt }]) => token === 0 && dueAt > at);
    for (const [conversation, queue] of postponed) {
      queues.set(conversation, { ...queue, dueAt: at });
    }
    announce();
    return postponed.length;
  };

  const revive = (): number => {
    const revived = deadLetters;
    deadLetters = [];
    for (const { conversation, notice, attempts, storedAt } of revived) {
      append(conversation, { notice, attempts, storedAt });
    }
    announce();
    return revived.length;
  };

  const records = (): ReadonlyArray<StoreRecord> => [
    ...[...queues].flatMap(([conversation, { entries, dueAt, reason }]) =>
      entries.map(
        (entry, index): StoreRecord => ({
          _tag: "NOTICE",
          conversation,
          ...entry,
          dueAt,
          ...(index > 0 || reason === undefined ? {} : { reason }),
        }),
      ),
    ),
    ...deadLetters.map((letter): StoreRecord => ({ _tag: "DEAD_LETTER", letter })),
  ];

  const put = (record: StoreRecord): void => {
    if (record._tag === "NOTICE") {
      const { conversation, notice, attempts, storedAt, dueAt, reason } = record;
      const alone = { dueAt, ...(reason === undefined ? {} : { reason }) };
      append(conversation, { notice, attempts, storedAt }, alone);
      announce();
    } else if (record._tag === "DEAD_LETTER") {
      bury(record.letter);
    }
  };

  return {
    enqueue,
    records,
    put,
    port: {
      add: (conversation, notice) => TE.fromIO(() => enqueue(conversation, notice)),
      claim: (type, at, leaseUntil) => TE.fromIO(() => claim(type, at, leaseUntil)),
      settle: (claimed, outcome) => TE.fromIOEither(() => settle(claimed, outcome)),
      deadLetters: () => TE.fromIO(() => deadLetters),
      status: (at) => TE.fromIO(() => status(at)),
      retry: (at) => TE.fromIO(() => retry(at)),
      revive: () => TE.fromIO(revive),
      subscribe: (listener) =>
        TE.fromIO(() => {
          listeners.add(listener);
          return () => {
            listeners.delete(listener);
          };
        }),
    },
  };
};

const tally = (
  state: ReasonCount["state"],
  reasons: ReadonlyArray<string>,
): ReadonlyArray<ReasonCount> =>
  [...new Set(reasons)].sort().map((reason) => ({
    state,
    reason,
    count: reasons.filter((other) => other === reason).length,
  }));

const makeRelationships = (): Part<RelationshipDirectory> => {
  const friends = new Map<UserId, Set<UserId>>();
  const members = new Map<GroupId, Set<UserId>>();
  const port: RelationshipDirectory = {
    areFriends: (user, other) => TE.fromIO(() => friends.get(user)?.has(other) ?? false),
    isMember: (group, user) => TE.fromIO(() => members.get(group)?.has(user) ?? false),
    addFriends: (pairs) =>
      TE.fromIO(() => {
        for (const [user, other] of pairs.filter(([user, other]) => user !== other)) {
          add(friends, user, other);
          add(friends, other, user);
        }
      }),
    removeFriends: (user, other) =>
      TE.fromIO(() => {
        friends.get(user)?.delete(other);
        friends.get(other)?.delete(user);
      }),
    friendsOf: (user) => TE.fromIO(() => [...(friends.get(user) ?? [])].sort()),
    addMembers: (group, users) =>
      TE.fromIO(() => {
        for (const user of users) {
          add(members, group, user);
        }
      }),
    removeMembers: (group, users) =>
      TE.fromIO(() => {
        for (const user of users) {
          members.get(group)?.delete(user);
        }
      }),
    membersOf: (group) => TE.fromIO(() => [...(members.get(group) ?? [])].sort()),
  };
  return {
    port,
    records: () => [
      ...pairsIn(friends)
        .filter(([user, friend]) => user < friend)
        .map(([user, friend]): StoreRecord => ({ _tag: "FRIENDS", user, friend })),
      ...pairsIn(members).map(([group, user]): StoreRecord => ({ _tag: "MEMBER", group, user })),
    ],
    put: (record) => {
      if (record._tag === "FRIENDS") {
        add(friends, record.user, record.friend);
        add(friends, record.friend, record.user);
      } else if (record._tag === "MEMBER") {
        add(members, record.group, record.user);
      }
    },
  };
};

const pairsIn = <Key, Value>(
  sets: ReadonlyMap<Key, ReadonlySet<Value>>,
): ReadonlyArray<readonly [Key, Value]> =>
  [...sets].flatMap(([key, values]) => [...values].map((value) => [key, value] as const));

const add = <Key, Value>(sets: Map<Key, Set<Value>>, key: Key, value: Value): void => {
  sets.set(key, (sets.get(key) ?? new Set()).add(value));
};
