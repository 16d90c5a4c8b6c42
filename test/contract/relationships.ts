import assert from "node:assert/strict";
import type { RelationshipDirectory } from "../../core/ports/relationships.ts";
import { id, succeed } from "../support/expect.ts";
import type { Contract } from "./contract.ts";

const [a, b, c, ab] = [id("a"), id("b"), id("c"), id("ab")];

/** The sentences of core/ports/relationships.ts. */
export const relationshipsContract: Contract<RelationshipDirectory> = [
  {
    title: "areFriends() and isMember() know nobody at first",
    run: async (directory) => {
      assert.equal(await succeed(directory.areFriends(a, b)), false);
      assert.equal(await succeed(directory.isMember(a, b)), false);
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
