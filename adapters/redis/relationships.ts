import { pipe } from "fp-ts/lib/function.js";
import * as RA from "fp-ts/lib/ReadonlyArray.js";
import * as TE from "fp-ts/lib/TaskEither.js";
import {
  Id,
  type RelationshipDirectory,
  type StoreUnavailable,
  storeUnavailable,
} from "../../core/mod.ts";
import { type Connection, scripted } from "./connection.ts";
import type { Keys } from "./keys.ts";
import { RELATE } from "./scripts.ts";

const MOST_AT_ONCE = 1_000;

/** Who knows whom, as a set of ids for each user and each group. */
export const makeRelationships = (
  { ask, change }: Connection,
  { friends, members, related }: Keys,
  newId: () => string,
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
  const inParts = (
    changes: ReadonlyArray<TE.TaskEither<StoreUnavailable, unknown>>,
  ): TE.TaskEither<StoreUnavailable, void> =>
    pipe(
      changes,
      RA.chunksOf(MOST_AT_ONCE),
      TE.traverseSeqArray(TE.sequenceArray),
      TE.map(() => undefined),
    );

  const relate = (command: "SADD" | "SREM", set: string, ids: ReadonlyArray<Id>) =>
    pipe(
      ids,
      RA.chunksOf(MOST_AT_ONCE),
      RA.map((some) =>
        pipe(
          TE.fromIO(() => scripted(RELATE)([set, related(set, newId())], [command, ...some])),
          TE.chain(change),
        ),
      ),
    );

  return {
    areFriends: (user, other) => has(friends(user), other),
    isMember: (group, user) => has(members(group), user),
    addFriends: (pairs) =>
      inParts(
        pairs
          .filter(([user, other]) => user !== other)
          .flatMap(([user, other]) => [
            ...relate("SADD", friends(user), [other]),
            ...relate("SADD", friends(other), [user]),
          ]),
      ),
    removeFriends: (user, other) =>
      inParts([
        ...relate("SREM", friends(user), [other]),
        ...relate("SREM", friends(other), [user]),
      ]),
    friendsOf: (user) => all(friends(user)),
    addMembers: (group, users) => inParts(relate("SADD", members(group), users)),
    removeMembers: (group, users) => inParts(relate("SREM", members(group), users)),
    membersOf: (group) => all(members(group)),
  };
};
