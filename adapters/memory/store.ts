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
  UserId,
} from "../../core/mod.ts";

/** The ports that one store serves together. */
export interface MemoryStore {
  readonly settings: ImportableSettings;
  readonly outbox: Outbox;
  readonly relationships: RelationshipDirectory;
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
  const { enqueue, outbox } = makeOutbox(now);
  return { settings: makeSettings(enqueue), outbox, relationships: makeRelationships() };
};

type Enqueue = (conversation: ConversationKey, notice: OutboundMessage) => void;

const makeSettings = (enqueue: Enqueue): ImportableSettings => {
  const statuses = new Map<ConversationKey, NoticeStatus>();
  const imported = new Map<ConversationKey, NoticeStatus>();
  return {
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
  };
};

const makeOutbox = (now: () => number): { enqueue: Enqueue; outbox: Outbox } => {
  const queues = new Map<ConversationKey, Queue>();
  const listeners = new Set<() => void>();
  let deadLetters: ReadonlyArray<DeadLetter> = [];
  let lastToken = 0;

  const append = (conversation: ConversationKey, entry: Entry): void => {
    const type = entry.notice.conversationType;
    const queue = queues.get(conversation) ?? { type, entries: [], dueAt: now(), token: 0 };
    queue.entries.push(entry);
    queues.set(conversation, queue);
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
      deadLetters = [...deadLetters, { ...tried, conversation, reason, diedAt: now() }];
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

  return {
    enqueue,
    outbox: {
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

const makeRelationships = (): RelationshipDirectory => {
  const friends = new Map<UserId, Set<UserId>>();
  const members = new Map<GroupId, Set<UserId>>();
  return {
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
};

const add = <Key, Value>(sets: Map<Key, Set<Value>>, key: Key, value: Value): void => {
  sets.set(key, (sets.get(key) ?? new Set()).add(value));
};
