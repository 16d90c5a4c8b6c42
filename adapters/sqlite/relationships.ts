import * as E from "fp-ts/lib/Either.js";
import { pipe } from "fp-ts/lib/function.js";
import * as TE from "fp-ts/lib/TaskEither.js";
import { Id, type RelationshipDirectory, type StoreUnavailable } from "../../core/mod.ts";
import { damaged, type SqliteFile } from "./file.ts";

/** Makes the directory of friendships (one row in each direction) and of group members. */
export const makeRelationships = ({
  read,
  write,
  writeEach,
}: SqliteFile): RelationshipDirectory => {
  const has = (sql: string, one: Id, other: Id): TE.TaskEither<StoreUnavailable, boolean> =>
    read((query) => E.right(query(sql).get(one, other) !== undefined));

  const list = (table: string, sql: string, owner: Id) =>
    read((query) => {
      const ids = query(sql)
        .all(owner)
        .map(({ id }) => id);
      return ids.every(Id.is) ? E.right(ids) : damaged(table);
    });

  return {
    areFriends: (user, other) =>
      has("SELECT 1 FROM friends WHERE user = ? AND friend = ?", user, other),
    isMember: (group, user) =>
      has("SELECT 1 FROM members WHERE group_id = ? AND user = ?", group, user),
    addFriends: (pairs) =>
      writeEach(
        pairs.filter(([user, friend]) => user !== friend),
        (part) => write("addFriends", part),
      ),
    removeFriends: (user, other) =>
      pipe(
        write("removeFriends", user, other),
        TE.map(() => undefined),
      ),
    friendsOf: (user) =>
      list("friends", "SELECT friend AS id FROM friends WHERE user = ? ORDER BY friend", user),
    addMembers: (group, users) => writeEach(users, (part) => write("addMembers", group, part)),
    removeMembers: (group, users) =>
      writeEach(users, (part) => write("removeMembers", group, part)),
    membersOf: (group) =>
      list("members", "SELECT user AS id FROM members WHERE group_id = ? ORDER BY user", group),
  };
};
