import { pipe } from "fp-ts/lib/function.js";
import * as RA from "fp-ts/lib/ReadonlyArray.js";
import * as TE from "fp-ts/lib/TaskEither.js";
import type { StoreUnavailable } from "../../core/domain/errors.ts";
import { storeUnavailable } from "../../core/domain/errors.ts";
import { Id } from "../../core/domain/identity.ts";
import type { RelationshipDirectory } from "../../core/ports/relationships.ts";
import type { Connection } from "./connection.ts";
import type { Keys } from "./keys.ts";

/** Who knows whom, as a set of ids for each user and each group. */
export const makeRelationships = (
  { ask, change }: Connection,
  { friends, members }: Keys,
): RelationshipDirectory => {
  const has = (key: string, id: Id): TE.TaskEither<StoreUnavailable, boolean> =>
    pipe(
      ask((client) => client.sismember(key, id)),
      TE.map((found) => found === 1),
    );

  const all = (key: string): TE.TaskEither<StoreUnavailable, ReadonlyArray<Id>> =>
    pipe(
      ask((client) => client.smembers(key)),
      TE.chain((found) =>
        found.every(Id.is)
          ? TE.right([...found].sort())
          : TE.left(storeUnavailable(`a value in ${key} is damaged or not ours`)),
      ),
    );

  // The two halves of a friendship are on different nodes of a Cluster. Either may be written again.
  const both = (changes: ReadonlyArray<TE.TaskEither<StoreUnavailable, unknown>>) =>
    pipe(
      changes,
      RA.chunksOf(1_000),
      TE.traverseSeqArray(TE.sequenceArray),
      TE.map(() => undefined),
    );

  const put = (key: string, ids: ReadonlyArray<Id>): TE.TaskEither<StoreUnavailable, unknown> =>
    ids.length === 0 ? TE.right(0) : change({ key, send: (to) => to.sadd(key, ...ids) });

  const drop = (key: string, ids: ReadonlyArray<Id>): TE.TaskEither<StoreUnavailable, unknown> =>
    ids.length === 0 ? TE.right(0) : change({ key, send: (to) => to.srem(key, ...ids) });

  return {
    areFriends: (user, other) => has(friends(user), other),
    isMember: (group, user) => has(members(group), user),
    addFriends: (pairs) =>
      both(
        pairs
          .filter(([user, other]) => user !== other)
          .flatMap(([user, other]) => [put(friends(user), [other]), put(friends(other), [user])]),
      ),
    removeFriends: (user, other) =>
      both([drop(friends(user), [other]), drop(friends(other), [user])]),
    friendsOf: (user) => all(friends(user)),
    addMembers: (group, users) => both([put(members(group), users)]),
    removeMembers: (group, users) => both([drop(members(group), users)]),
    membersOf: (group) => all(members(group)),
  };
};
