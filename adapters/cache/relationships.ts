import type * as E from "fp-ts/lib/Either.js";
import { pipe } from "fp-ts/lib/function.js";
import * as TE from "fp-ts/lib/TaskEither.js";
import { LRUCache } from "lru-cache";
import type { Relationships, StoreUnavailable } from "../../core/mod.ts";

/** How long answers are good for, and how many are kept. */
export interface RelationshipCacheOptions {
  /** For how many seconds somebody may pass for a friend or a member who no longer is one. */
  readonly seconds: number;
  /** How many answers are kept, those asked for last: 100,000 unless it says otherwise. */
  readonly max?: number;
  /** Milliseconds of a clock that never runs back. */
  readonly now?: () => number;
}

/**
 * Keeps who is a friend or a member for a while, and has those who ask the same at once share one
 * question. A no is never kept, so a new friend does not wait; nor is a fault.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { right } from "fp-ts/lib/Either.js";
 * import { Id } from "sealtalk-misc";
 * import { cacheRelationships } from "sealtalk-misc/cache";
 * import { makeMemoryStore } from "sealtalk-misc/memory";
 *
 * const [alice, bob] = ["alice", "bob"].filter(Id.is);
 * assert.ok(alice !== undefined && bob !== undefined);
 * const { relationships } = makeMemoryStore();
 * await relationships.addFriends([[alice, bob]])();
 *
 * const cached = cacheRelationships(relationships, { seconds: 5 });
 * assert.deepEqual(await cached.areFriends(alice, bob)(), right(true));
 * await relationships.removeFriends(alice, bob)();
 * assert.deepEqual(await cached.areFriends(alice, bob)(), right(true));
 * ```
 */
export const cacheRelationships = (
  { areFriends, isMember }: Relationships,
  { seconds, max = 100_000, now = () => performance.now() }: RelationshipCacheOptions,
): Relationships => {
  const goodUntil = new LRUCache<string, number>({ max });
  const asked = new Map<string, Asked>();

  const ask = (key: string, question: Question, until: number): Asked => {
    const answer = pipe(
      question,
      TE.chainFirstIOK((related) => () => {
        if (related) {
          goodUntil.set(key, until);
        }
      }),
    )().finally(() => {
      // A later one may have taken its place.
      if (asked.get(key)?.answer === answer) {
        asked.delete(key);
      }
    });
    const asking = { answer, until };
    asked.set(key, asking);
    return asking;
  };

  const cached =
    (key: string, question: Question): Question =>
    () => {
      const time = now();
      if ((goodUntil.get(key) ?? 0) > time) {
        return TE.right<StoreUnavailable, boolean>(true)();
      }
      const asking = asked.get(key);
      // From when it was asked: when it was answered, the answer may have been old already.
      return asking !== undefined && asking.until > time
        ? asking.answer
        : ask(key, question, time + seconds * 1_000).answer;
    };

  // No id has a colon in it.
  return {
    areFriends: (user, other) => cached(`friends:${user}:${other}`, areFriends(user, other)),
    isMember: (group, user) => cached(`member:${group}:${user}`, isMember(group, user)),
  };
};

type Question = TE.TaskEither<StoreUnavailable, boolean>;

interface Asked {
  readonly answer: Promise<E.Either<StoreUnavailable, boolean>>;
  readonly until: number;
}
