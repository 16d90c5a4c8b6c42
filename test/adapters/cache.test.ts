import { setImmediate } from "node:timers/promises";
import * as E from "fp-ts/lib/Either.js";
import type * as TE from "fp-ts/lib/TaskEither.js";
import { cacheRelationships } from "../../adapters/cache/mod.ts";
import { makeMemoryStore } from "../../adapters/memory/mod.ts";
import { type StoreUnavailable, storeUnavailable } from "../../core/domain/errors.ts";
import type { Relationships } from "../../core/ports/relationships.ts";
import { fail, id, succeed } from "../contract/expect.ts";
import { makeClock } from "../contract/fixtures.ts";
import { relationshipsContract } from "../contract/relationships.ts";
import { testContract } from "../support/contract.ts";
import { test } from "../support/test.ts";

const [alice, bob, carol] = [id("alice"), id("bob"), id("carol")];

testContract("cached relationships", relationshipsContract, async () => {
  const clock = makeClock();
  const { relationships: directory } = makeMemoryStore();
  const later = async (): Promise<void> => clock.set(clock.now() + 5_000);
  return {
    subject: {
      relationships: cacheRelationships(directory, { seconds: 5, now: clock.now }),
      befriend: (user, other) => succeed(directory.addFriends([[user, other]])),
      unfriend: (user, other) => succeed(directory.removeFriends(user, other)).then(later),
      join: (group, user) => succeed(directory.addMembers(group, [user])),
      leave: (group, user) => succeed(directory.removeMembers(group, [user])).then(later),
    },
    close: async () => {},
  };
});

type Answer = E.Either<StoreUnavailable, boolean>;

/** Relationships that answer when the test likes: each question has its number. */
const makeSlow = (): {
  readonly relationships: Relationships;
  /** The questions so far, once all that were begun have come here. */
  readonly questions: () => Promise<ReadonlyArray<string>>;
  readonly answer: (number: number, answer: Answer) => Promise<void>;
} => {
  const asked: Array<{ readonly question: string; readonly tell: (answer: Answer) => void }> = [];
  const ask =
    (question: string): TE.TaskEither<StoreUnavailable, boolean> =>
    () =>
      new Promise((tell) => asked.push({ question, tell }));
  return {
    relationships: {
      areFriends: (user, other) => ask(`friends ${user} ${other}`),
      isMember: (group, user) => ask(`member ${group} ${user}`),
    },
    questions: async () => {
      await setImmediate();
      return asked.map(({ question }) => question);
    },
    answer: async (number, answer) => {
      await setImmediate();
      asked[number]?.tell(answer);
    },
  };
};

test("a yes is kept for its seconds from when it was asked for", async (t) => {
  const clock = makeClock(7);
  const { relationships, questions, answer } = makeSlow();
  const cached = cacheRelationships(relationships, { seconds: 5, now: clock.now });
  const first = succeed(cached.areFriends(alice, bob));
  clock.set(1_007);
  await answer(0, E.right(true));
  t.true(await first);
  clock.set(5_006);
  t.true(await succeed(cached.areFriends(alice, bob)));
  t.is((await questions()).length, 1);
  clock.set(5_007);
  const second = succeed(cached.areFriends(alice, bob));
  await answer(1, E.right(false));
  t.false(await second);
});

test("neither a no nor a fault is kept", async (t) => {
  const { relationships, questions, answer } = makeSlow();
  const cached = cacheRelationships(relationships, { seconds: 5 });
  const first = succeed(cached.isMember(alice, bob));
  await answer(0, E.right(false));
  t.false(await first);
  const second = fail(cached.isMember(alice, bob));
  await answer(1, E.left(storeUnavailable("down")));
  t.is((await second).cause, "down");
  const third = succeed(cached.isMember(alice, bob));
  await answer(2, E.right(true));
  t.true(await third);
  t.is((await questions()).length, 3);
});

test("who ask the same at once share one question; others do not", async (t) => {
  const { relationships, questions, answer } = makeSlow();
  const cached = cacheRelationships(relationships, { seconds: 5 });
  const asked = [
    cached.areFriends(alice, bob),
    cached.areFriends(alice, bob),
    cached.areFriends(bob, alice),
    cached.isMember(alice, bob),
  ].map(succeed);
  t.deepEqual(await questions(), ["friends alice bob", "friends bob alice", "member alice bob"]);
  await answer(2, E.right(false));
  await answer(1, E.right(false));
  await answer(0, E.right(true));
  t.deepEqual(await Promise.all(asked), [true, true, false, false]);
});

test("a question that has been out for too long is not shared, and does not undo a newer one", async (t) => {
  const clock = makeClock();
  const { relationships, questions, answer } = makeSlow();
  const cached = cacheRelationships(relationships, { seconds: 5, now: clock.now });
  const old = succeed(cached.areFriends(alice, bob));
  clock.set(5_000);
  const newer = succeed(cached.areFriends(alice, bob));
  t.is((await questions()).length, 2);
  await answer(0, E.right(true));
  t.true(await old);
  const joined = succeed(cached.areFriends(alice, bob));
  await answer(1, E.right(false));
  t.deepEqual([await newer, await joined], [false, false]);
  t.is((await questions()).length, 2);
});

test("as many answers are kept as there is room for, those asked for last", async (t) => {
  const { relationships: directory } = makeMemoryStore();
  await succeed(
    directory.addFriends([
      [alice, bob],
      [alice, carol],
      [bob, carol],
    ]),
  );
  const cached = cacheRelationships(directory, { seconds: 5, max: 2 });
  await succeed(cached.areFriends(alice, bob));
  await succeed(cached.areFriends(alice, carol));
  await succeed(cached.areFriends(alice, bob));
  await succeed(cached.areFriends(bob, carol));
  await succeed(directory.removeFriends(alice, bob));
  await succeed(directory.removeFriends(alice, carol));
  t.true(await succeed(cached.areFriends(alice, bob)));
  t.false(await succeed(cached.areFriends(alice, carol)));
});
