import type { TaskEither } from "fp-ts/lib/TaskEither.js";
import type { GroupProfile } from "../domain/demo-square.ts";
import type { StoreUnavailable } from "../domain/errors.ts";
import type { GroupId } from "../domain/identity.ts";

/** What groups are called and look like. */
export interface GroupProfiles {
  /**
   * - An answer has the profile of each of these groups that is known, and of no other; a group that
   *   is asked for twice is in it once.
   * - A group that nobody knows is left out: it is no failure.
   * - Who asks for no group gets an empty answer.
   */
  readonly profilesOf: (
    groups: ReadonlyArray<GroupId>,
  ) => TaskEither<StoreUnavailable, ReadonlyMap<GroupId, GroupProfile>>;
}
