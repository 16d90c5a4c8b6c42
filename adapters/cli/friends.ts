import { pipe } from "fp-ts/lib/function.js";
import * as TE from "fp-ts/lib/TaskEither.js";
import type { RelationshipDirectory, StoreUnavailable, UserId } from "../../core/mod.ts";
import { printIds, withDirectory } from "./directory.ts";
import { type Failure, misused } from "./failure.ts";
import type { PrintOptions, Surroundings } from "./surroundings.ts";

type FriendsCommand = (
  surroundings: Surroundings,
  user: string,
  other: string,
) => TE.TaskEither<Failure, void>;

const change =
  (
    apply: (
      directory: RelationshipDirectory,
      user: UserId,
      other: UserId,
    ) => TE.TaskEither<StoreUnavailable, void>,
  ): FriendsCommand =>
  (surroundings, user, other) =>
    user === other
      ? TE.left(misused("nobody is their own friend"))
      : withDirectory(surroundings, "write")(
          (readId) => pipe(TE.Do, TE.apS("user", readId(user)), TE.apS("other", readId(other))),
          (directory, ids) => apply(directory, ids.user, ids.other),
        );

/** Makes two users friends. */
export const addFriends: FriendsCommand = change((directory, user, other) =>
  directory.addFriends([[user, other]]),
);

/** Makes two users friends no more. */
export const removeFriends: FriendsCommand = change((directory, user, other) =>
  directory.removeFriends(user, other),
);

/** Prints a user's friends. */
export const listFriends = (
  surroundings: Surroundings,
  user: string,
  options: PrintOptions,
): TE.TaskEither<Failure, void> =>
  withDirectory(surroundings, "read")(
    (readId) => readId(user),
    (directory, id) => pipe(directory.friendsOf(id), TE.map(printIds(surroundings, options))),
  );
