import type { TaskEither } from "fp-ts/lib/TaskEither.js";
import type { StoreUnavailable } from "../domain/errors.ts";
import type { GroupId, UserId } from "../domain/identity.ts";

/** Who knows whom. Nobody is their own friend; an unknown user or group has nobody. */
export interface Relationships {
  /** Whether `other` is among `user`'s friends. */
  readonly areFriends: (user: UserId, other: UserId) => TaskEither<StoreUnavailable, boolean>;

  /** Whether `user` is in `group`. */
  readonly isMember: (group: GroupId, user: UserId) => TaskEither<StoreUnavailable, boolean>;
}

/**
 * Relationships that can be edited: friendship is mutual, adding what is there and removing what
 * is not change nothing. After a fault a call may be kept in part, and made again it is kept whole. Lists
 * are in ascending order.
 */
export interface RelationshipDirectory extends Relationships {
  /** Makes the two of each pair friends. */
  readonly addFriends: (
    pairs: ReadonlyArray<readonly [UserId, UserId]>,
  ) => TaskEither<StoreUnavailable, void>;
  /** Ends a friendship, for both. */
  readonly removeFriends: (user: UserId, other: UserId) => TaskEither<StoreUnavailable, void>;
  /** Everyone with whom this user is friends. */
  readonly friendsOf: (user: UserId) => TaskEither<StoreUnavailable, ReadonlyArray<UserId>>;

  /** Puts users into a group. */
  readonly addMembers: (
    group: GroupId,
    users: ReadonlyArray<UserId>,
  ) => TaskEither<StoreUnavailable, void>;
  /** Takes users out of a group. */
  readonly removeMembers: RelationshipDirectory["addMembers"];
  /** Everyone in this group. */
  readonly membersOf: (group: GroupId) => TaskEither<StoreUnavailable, ReadonlyArray<UserId>>;
}
