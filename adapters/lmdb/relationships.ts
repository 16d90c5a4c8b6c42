import * as E from "fp-ts/lib/Either.js";
import { type GroupId, Id, type RelationshipDirectory, type UserId } from "../../core/mod.ts";
import type { Environment, Table } from "./environment.ts";

/** Friends under [user, friend], once each way; members under [group, user]. */
export const makeRelationships = ({
  table,
  read,
  write,
  writeEach,
}: Environment): RelationshipDirectory => {
  const friends: Table<Id> = table("friends", Id);
  const members: Table<Id> = table("members", Id);
  const all = (owner: Id): { start: [Id]; end: [Id, string] } => ({
    start: [owner],
    end: [owner, AFTER_ANY_ID],
  });

  return {
    areFriends: (user, other) => read(() => E.right(friends.has([user, other]))),
    isMember: (group, user) => read(() => E.right(members.has([group, user]))),
    addFriends: (pairs) =>
      writeEach(
        pairs.filter(([user, other]) => user !== other),
        ([user, other]) => {
          friends.put([user, other], other);
          friends.put([other, user], user);
        },
      ),
    removeFriends: (user, other) =>
      write(() => {
        friends.remove([user, other]);
        friends.remove([other, user]);
        return E.right(undefined);
      }),
    friendsOf: (user: UserId) => read(() => friends.values(all(user))),
    addMembers: (group, users) => writeEach(users, (user) => members.put([group, user], user)),
    removeMembers: (group, users) => writeEach(users, (user) => members.remove([group, user])),
    membersOf: (group: GroupId) => read(() => members.values(all(group))),
  };
};

const AFTER_ANY_ID = "~";
