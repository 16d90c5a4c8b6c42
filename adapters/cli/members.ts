import { pipe } from "fp-ts/lib/function.js";
import * as TE from "fp-ts/lib/TaskEither.js";
import type { RelationshipDirectory } from "../../core/mod.ts";
import { printIds, withDirectory } from "./directory.ts";
import type { Failure } from "./failure.ts";
import type { PrintOptions, Surroundings } from "./surroundings.ts";

type MembersCommand = (
  surroundings: Surroundings,
  group: string,
  users: ReadonlyArray<string>,
) => TE.TaskEither<Failure, void>;

const change =
  (
    apply: (directory: RelationshipDirectory) => RelationshipDirectory["addMembers"],
  ): MembersCommand =>
  (surroundings, group, users) =>
    withDirectory(surroundings, "write")(
      (readId) =>
        pipe(
          TE.Do,
          TE.apS("group", readId(group)),
          TE.apS("users", TE.traverseArray(readId)(users)),
        ),
      (directory, ids) => apply(directory)(ids.group, ids.users),
    );

/** Adds users to a group. */
export const addMembers: MembersCommand = change((directory) => directory.addMembers);

/** Removes users from a group. */
export const removeMembers: MembersCommand = change((directory) => directory.removeMembers);

/** Prints a group's members. */
export const listMembers = (
  surroundings: Surroundings,
  group: string,
  options: PrintOptions,
): TE.TaskEither<Failure, void> =>
  withDirectory(surroundings, "read")(
    (readId) => readId(group),
    (directory, id) => pipe(directory.membersOf(id), TE.map(printIds(surroundings, options))),
  );
