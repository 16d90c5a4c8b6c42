import assert from "node:assert/strict";
import type { Id, RelationshipDirectory, Relationships } from "../../core/mod.ts";
import type { Contract } from "./contract.ts";
import { id, succeed } from "./expect.ts";

/** What tells who knows whom, and how a test has people meet and part behind its back. */
export interface Acquaintances {
  readonly relationships: Relationships;
  readonly befriend: (user: Id, other: Id) => Promise<void>;
  readonly unfriend: (user: Id, other: Id) => Promise<void>;
  readonly join: (group: Id, user: Id) => Promise<void>;
  readonly leave: (group: Id, user: Id) => Promise<void>;
}

const [one, two, three, twelve] = [id("1"), id("2"), id("3"), id("12")];

// An integer in a database is found by some of these, if they are not looked at first.
const LIKE_TWO = ["02", "2_", "2x", "-2", "2e0", "0x2", "4294967298", "18446744073709551618"].map(
  id,
);

/**
 * The sentences of {@link Relationships}. Ids are those of an existing database: integers.
 *
 * @example
 * ```ts
 * import type { Id } from "sealtalk-misc";
 * import { relationshipsContract } from "sealtalk-misc/contract";
 * import { makeMemoryStore } from "sealtalk-misc/memory";
 *
 * for (const { run } of relationshipsContract) {
 *   const { relationships } = makeMemoryStore();
 *   const tell = async (change: () => Promise<unknown>) => void (await change());
 *   await run({
 *     relationships,
 *     befriend: (user, other) => tell(relationships.addFriends([[user, other]])),
 *     unfriend: (user, other) => tell(relationships.removeFriends(user, other)),
 *     join: (group, user) => tell(relationships.addMembers(group, [user])),
 *     leave: (group, user) => tell(relationships.removeMembers(group, [user])),
 *   });
 * }
 * ```
 */
export const relationshipsContract: Contract<Acquaintances> = [
  {
    title: "areFriends() and isMember() know nobody at first",
    run: async ({ relationships }) => {
      assert.equal(await succeed(relationships.areFriends(one, two)), false);
      assert.equal(await succeed(relationships.isMember(one, two)), false);
    },
  },
  {
    title: "areFriends() is true both ways, and of nobody else",
    run: async ({ relationships, befriend }) => {
      await befriend(one, two);
      assert.equal(await succeed(relationships.areFriends(one, two)), true);
      assert.equal(await succeed(relationships.areFriends(two, one)), true);
      assert.equal(await succeed(relationships.areFriends(one, three)), false);
      assert.equal(await succeed(relationships.areFriends(twelve, two)), false);
      assert.equal(await succeed(relationships.areFriends(one, twelve)), false);
      assert.equal(await succeed(relationships.isMember(one, two)), false);
    },
  },
  {
    title: "areFriends() is true of nobody and themselves",
    run: async ({ relationships, befriend }) => {
      await befriend(one, one);
      assert.equal(await succeed(relationships.areFriends(one, one)), false);
    },
  },
  {
    title: "isMember() is true in one group alone, and makes no friends",
    run: async ({ relationships, join }) => {
      await join(one, two);
      await join(one, three);
      await join(twelve, three);
      assert.equal(await succeed(relationships.isMember(one, two)), true);
      assert.equal(await succeed(relationships.isMember(one, three)), true);
      assert.equal(await succeed(relationships.isMember(twelve, two)), false);
      assert.equal(await succeed(relationships.isMember(two, one)), false);
      assert.equal(await succeed(relationships.areFriends(two, three)), false);
    },
  },
  {
    title: "areFriends() and isMember() heed who parts, and who meets again",
    run: async ({ relationships, befriend, unfriend, join, leave }) => {
      await befriend(one, two);
      await join(three, one);
      assert.equal(await succeed(relationships.areFriends(one, two)), true);
      assert.equal(await succeed(relationships.isMember(three, one)), true);
      await unfriend(two, one);
      await leave(three, one);
      assert.equal(await succeed(relationships.areFriends(one, two)), false);
      assert.equal(await succeed(relationships.areFriends(two, one)), false);
      assert.equal(await succeed(relationships.isMember(three, one)), false);
      await befriend(one, two);
      await join(three, one);
      assert.equal(await succeed(relationships.areFriends(one, two)), true);
      assert.equal(await succeed(relationships.isMember(three, one)), true);
    },
  },
  {
    title: "an id that only looks like another has nobody",
    run: async ({ relationships, befriend, join }) => {
      await befriend(one, two);
      await join(two, two);
      for (const like of LIKE_TWO) {
        assert.equal(await succeed(relationships.areFriends(one, like)), false, like);
        assert.equal(await succeed(relationships.areFriends(like, one)), false, like);
        assert.equal(await succeed(relationships.isMember(two, like)), false, like);
        assert.equal(await succeed(relationships.isMember(like, two)), false, like);
      }
    },
  },
];

const acquaintancesIn = (directory: RelationshipDirectory): Acquaintances => ({
  relationships: directory,
  befriend: (user, other) => succeed(directory.addFriends([[user, other]])),
  unfriend: (user, other) => succeed(directory.removeFriends(user, other)),
  join: (group, user) => succeed(directory.addMembers(group, [user])),
  leave: (group, user) => succeed(directory.removeMembers(group, [user])),
});

const [a, b, c, ab] = [id("a"), id("b"), id("c"), id("ab")];

/**
 * The sentences of {@link RelationshipDirectory}, and those that it takes over.
 *
 * @example
 * ```ts
 * import { directoryContract } from "sealtalk-misc/contract";
 * import { makeMemoryStore } from "sealtalk-misc/memory";
 *
 * for (const { run } of directoryContract) {
 *   await run(makeMemoryStore().relationships);
 * }
 * ```
 */
export const directoryContract: Contract<RelationshipDirectory> = [
  ...relationshipsContract.map(({ title, run }) => ({
    title,
    run: (directory: RelationshipDirectory) => run(acquaintancesIn(directory)),
  })),
  {
    title: "friendsOf() and membersOf() know nobody at first",
    run: async (directory) => {
      assert.deepEqual(await succeed(directory.friendsOf(a)), []);
      assert.deepEqual(await succeed(directory.membersOf(a)), []);
    },
  },
  {
    title: "addFriends() makes friends both ways, and nobody else's",
    run: async (directory) => {
      await succeed(directory.addFriends([[a, b]]));
      assert.equal(await succeed(directory.areFriends(a, b)), true);
      assert.equal(await succeed(directory.areFriends(b, a)), true);
      assert.equal(await succeed(directory.areFriends(a, c)), false);
      assert.equal(await succeed(directory.areFriends(ab, b)), false);
      assert.equal(await succeed(directory.isMember(a, b)), false);
    },
  },
  {
    title: "addFriends() makes nobody their own friend",
    run: async (directory) => {
      await succeed(directory.addFriends([[a, a]]));
      assert.equal(await succeed(directory.areFriends(a, a)), false);
    },
  },
  {
    title: "addFriends() and removeFriends() repeated change nothing",
    run: async (directory) => {
      await succeed(directory.addFriends([[a, b]]));
      await succeed(directory.addFriends([[b, a]]));
      assert.deepEqual(await succeed(directory.friendsOf(a)), ["b"]);
      await succeed(directory.removeFriends(b, a));
      await succeed(directory.removeFriends(a, b));
      assert.equal(await succeed(directory.areFriends(a, b)), false);
      assert.equal(await succeed(directory.areFriends(b, a)), false);
    },
  },
  {
    title: "friendsOf() lists one user's friends in ascending order",
    run: async (directory) => {
      await succeed(
        directory.addFriends([
          [b, c],
          [b, a],
          [ab, b],
          [a, c],
        ]),
      );
      assert.deepEqual(await succeed(directory.friendsOf(b)), ["a", "ab", "c"]);
    },
  },
  {
    title: "addMembers() and removeMembers() change one group alone",
    run: async (directory) => {
      await succeed(directory.addMembers(a, [c, b, c]));
      await succeed(directory.addMembers(ab, [b]));
      assert.deepEqual(await succeed(directory.membersOf(a)), ["b", "c"]);
      assert.equal(await succeed(directory.isMember(a, b)), true);
      await succeed(directory.removeMembers(a, [b, ab]));
      assert.equal(await succeed(directory.isMember(a, b)), false);
      assert.equal(await succeed(directory.isMember(ab, b)), true);
      assert.deepEqual(await succeed(directory.membersOf(a)), ["c"]);
    },
  },
];
