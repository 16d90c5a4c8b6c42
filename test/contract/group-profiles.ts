import assert from "node:assert/strict";
import type { GroupProfile, GroupProfiles } from "../../core/mod.ts";
import type { Contract } from "./contract.ts";
import { id, succeed } from "./expect.ts";

/** What the cases need of group profiles: numbers as ids, since a database may know no others. */
export interface GroupProfilesSubject {
  readonly groups: GroupProfiles;
  /** Makes this the profile of a group, as whoever owns the groups does. */
  readonly put: (group: string, profile: GroupProfile) => Promise<void>;
}

const TEAM: GroupProfile = {
  name: "融云 team 🦭",
  portraitUri: "https://dl.example.com/team.png",
  memberCount: 2,
  maxMemberCount: 500,
};
const EMPTY: GroupProfile = {
  name: "Empty",
  portraitUri: "",
  memberCount: 0,
  maxMemberCount: 3_000,
};

/**
 * The sentences of {@link GroupProfiles}.
 *
 * @example
 * ```ts
 * import { Id } from "sealtalk-misc";
 * import { groupProfilesContract } from "sealtalk-misc/contract";
 * import { makeMemoryGroups } from "sealtalk-misc/memory";
 *
 * for (const { run } of groupProfilesContract) {
 *   const { groups, put } = makeMemoryGroups();
 *   await run({
 *     groups,
 *     put: async (group, profile) => [group].filter(Id.is).forEach((id) => put(id, profile)),
 *   });
 * }
 * ```
 */
export const groupProfilesContract: Contract<GroupProfilesSubject> = [
  {
    title: "an answer has the profile of each of these groups that is known, and of no other",
    run: async ({ groups, put }) => {
      await put("7", TEAM);
      await put("8", EMPTY);
      await put("9", TEAM);
      const found = await succeed(groups.profilesOf([id("8"), id("7")]));
      assert.deepEqual(
        [...found].sort(([a], [b]) => (a < b ? -1 : 1)),
        [
          ["7", TEAM],
          ["8", EMPTY],
        ],
      );
    },
  },
  {
    title: "a group that is asked for twice is in it once",
    run: async ({ groups, put }) => {
      await put("7", TEAM);
      const found = await succeed(groups.profilesOf([id("7"), id("7")]));
      assert.deepEqual([...found], [["7", TEAM]]);
    },
  },
  {
    title: "a group that nobody knows is left out",
    run: async ({ groups, put }) => {
      await put("7", TEAM);
      for (const unknown of ["70", "07", "7a", "alice", "-7", "constructor", "9".repeat(64)]) {
        const found = await succeed(groups.profilesOf([id(unknown), id("7")]));
        assert.deepEqual([...found.keys()], ["7"]);
      }
    },
  },
  {
    title: "who asks for no group gets an empty answer",
    run: async ({ groups, put }) => {
      await put("7", TEAM);
      assert.equal((await succeed(groups.profilesOf([]))).size, 0);
    },
  },
];
