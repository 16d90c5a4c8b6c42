import { pipe } from "fp-ts/lib/function.js";
import * as O from "fp-ts/lib/Option.js";
import * as RA from "fp-ts/lib/ReadonlyArray.js";
import * as TE from "fp-ts/lib/TaskEither.js";
import type { GroupId, GroupProfile, GroupProfiles } from "../../core/mod.ts";

/** Group profiles that a test fills in. */
export interface MemoryGroups {
  readonly groups: GroupProfiles;
  /** From now on this group has this profile. */
  readonly put: (group: GroupId, profile: GroupProfile) => void;
}

/**
 * Group profiles that are what they are told; at first no group is known.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { isRight } from "fp-ts/lib/Either.js";
 * import { Id } from "sealtalk-misc";
 * import { makeMemoryGroups } from "sealtalk-misc/memory";
 *
 * const { groups, put } = makeMemoryGroups();
 * for (const team of ["7"].filter(Id.is)) {
 *   put(team, { name: "Team", portraitUri: "", memberCount: 2, maxMemberCount: 500 });
 *   const found = await groups.profilesOf([team])();
 *   assert.ok(isRight(found));
 *   assert.equal(found.right.get(team)?.name, "Team");
 * }
 * ```
 */
export const makeMemoryGroups = (): MemoryGroups => {
  const known = new Map<GroupId, GroupProfile>();
  return {
    groups: {
      profilesOf: (groups) =>
        TE.fromIO(
          () =>
            new Map(
              pipe(
                groups,
                RA.filterMap((group) =>
                  pipe(
                    O.fromNullable(known.get(group)),
                    O.map((profile) => [group, profile] as const),
                  ),
                ),
              ),
            ),
        ),
    },
    put: (group, profile) => {
      known.set(group, profile);
    },
  };
};
