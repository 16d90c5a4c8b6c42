import * as E from "fp-ts/lib/Either.js";
import { Id, type RelationshipDirectory } from "../../core/mod.ts";
import type { Environment } from "./environment.ts";

/** Friends under [user, friend], once each way; members under [group, user]. */
export const makeRelationships = ({
  table,
  read,
  write,
  writeEach,
}: Environment): RelationshipDirectory => {
  const friends = table("friends", Id);
  const members = table("members", Id);
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
    friendsOf: (user) => read(() => friends.values(all(user))),
    addMembers: (group, users) => writeEach(users, (user) => members.put([group, user], user)),
    removeMembers: (group, users) => writeEach(users, (user) => members.remove([group, user])),
    membersOf: (group) => read(() => members.values(all(group))),
  };
};

const AFTER_ANY_ID = "~";
