import * as E from "fp-ts/lib/Either.js";
import * as O from "fp-ts/lib/Option.js";
import * as TE from "fp-ts/lib/TaskEither.js";
import type { ConversationKey } from "../../core/domain/conversation.ts";
import type { Buried, Claim, Outcome } from "../../core/domain/delivery.ts";
import type { ClaimLost } from "../../core/domain/errors.ts";
import type { GroupId, UserId } from "../../core/domain/identity.ts";
import type { OutboundMessage } from "../../core/domain/message.ts";
import type { NoticeStatus } from "../../core/domain/screen-capture.ts";
import type { Outbox } from "../../core/ports/outbox.ts";
import type { RelationshipDirectory } from "../../core/ports/relationships.ts";
import type { SettingsRepository } from "../../core/ports/settings-repository.ts";

/** The ports that one store serves together. */
export interface MemoryStore {
  readonly settings: SettingsRepository;
  readonly outbox: Outbox;
  readonly relationships: RelationshipDirectory;
}

interface Queue {
  readonly entries: Array<{ readonly notice: OutboundMessage; readonly attempts: number }>;
  /** When the head may be claimed: due, or its lease has run out. */
  readonly dueAt: number;
  /** The token of the claim on the head, 0 if there is none. */
  readonly token: number;
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

const makeSettings = (enqueue: Enqueue): SettingsRepository => {
  const statuses = new Map<ConversationKey, NoticeStatus>();
  return {
    noticeStatus: (conversation) => TE.fromIO(() => statuses.get(conversation) ?? 0),
    setNoticeStatus: (conversation, status, notice) =>
      TE.fromIO(() => {
        statuses.set(conversation, status);
        enqueue(conversation, notice);
      }),
    ready: () => TE.right(undefined),
  };
};

const makeOutbox = (now: () => number): { enqueue: Enqueue; outbox: Outbox } => {
  const queues = new Map<ConversationKey, Queue>();
  const buried: Buried[] = [];
  const listeners = new Set<() => void>();
  let lastToken = 0;

  const enqueue: Enqueue = (conversation, notice) => {
    const queue = queues.get(conversation) ?? { entries: [], dueAt: now(), token: 0 };
    queue.entries.push({ notice, attempts: 0 });
    queues.set(conversation, queue);
    for (const listener of listeners) {
      listener();
    }
  };

  const claim = (at: number, leaseUntil: number): O.Option<Claim> => {
    let due: readonly [ConversationKey, Queue] | undefined;
    for (const candidate of queues) {
      const { dueAt } = candidate[1];
      if (dueAt <= at && (due === undefined || dueAt < due[1].dueAt)) {
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
    return O.some({ conversation, token: lastToken, ...head });
  };

  const settle = (claimed: Claim, outcome: Outcome): E.Either<ClaimLost, void> => {
    const { conversation, token, notice, attempts } = claimed;
    const queue = queues.get(conversation);
    if (queue?.token !== token) {
      return E.left({ _tag: "CLAIM_LOST" });
    }
    const behind = queue.entries.slice(1);
    if (outcome._tag === "POSTPONED") {
      const entries = [{ notice, attempts: attempts + 1 }, ...behind];
      queues.set(conversation, { entries, dueAt: outcome.until, token: 0 });
      return E.right(undefined);
    }
    if (outcome._tag === "BURIED") {
      buried.push({ conversation, notice, reason: outcome.reason });
    }
    queues.delete(conversation);
    if (behind.length > 0) {
      queues.set(conversation, { entries: behind, dueAt: now(), token: 0 });
    }
    return E.right(undefined);
  };

  return {
    enqueue,
    outbox: {
      add: (conversation, notice) => TE.fromIO(() => enqueue(conversation, notice)),
      claim: (at, leaseUntil) => TE.fromIO(() => claim(at, leaseUntil)),
      settle: (claimed, outcome) => TE.fromIOEither(() => settle(claimed, outcome)),
      buried: () => TE.fromIO(() => [...buried]),
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
