import * as E from "fp-ts/lib/Either.js";
import * as TE from "fp-ts/lib/TaskEither.js";
import { makeMemoryIds, makeMemoryStore } from "../../adapters/memory/mod.ts";
import { storeUnavailable } from "../../core/domain/errors.ts";
import { askConversation, enterConversation } from "../../core/usecases/enter-conversation.ts";
import { fail, id, succeed } from "../contract/expect.ts";
import { test } from "../support/test.ts";

const makeDoor = async (): Promise<ReturnType<typeof enterConversation>> => {
  const { relationships } = makeMemoryStore();
  await succeed(relationships.addFriends([[id("1"), id("2")]]));
  await succeed(relationships.addMembers(id("7"), [id("1")]));
  return enterConversation({ ids: makeMemoryIds(), relationships });
};

const caller = id("1");

test("enterConversation() names a private conversation the same from both sides", async (t) => {
  const enter = await makeDoor();
  const mine = await succeed(enter({ caller, conversationType: "PRIVATE", targetId: "w-2" }));
  const theirs = await succeed(enter({ caller: id("2"), conversationType: 1, targetId: "w-1" }));
  t.is(mine.key, theirs.key);
  t.deepEqual(mine.address, { conversationType: "PRIVATE", senderId: "w-1", targetId: "w-2" });
});

test("enterConversation() lets a member into a group", async (t) => {
  const enter = await makeDoor();
  const { key, address } = await succeed(enter({ caller, conversationType: 3, targetId: "w-7" }));
  t.is(key, "group:7");
  t.deepEqual(address, { conversationType: "GROUP", senderId: "w-1", targetId: "w-7" });
});

for (const [title, input, tag] of [
  ["an id first, even of an unknown type", { conversationType: 9, targetId: "2" }, "INVALID_INPUT"],
  [
    "the type next, even with a stranger",
    { conversationType: 9, targetId: "w-3" },
    "UNSUPPORTED_CONVERSATION_TYPE",
  ],
  ["for a friend", { conversationType: 1, targetId: "w-3" }, "NOT_FRIENDS"],
  ["for somebody else than the caller", { conversationType: 1, targetId: "w-1" }, "NOT_FRIENDS"],
  ["for a member", { conversationType: "GROUP", targetId: "w-2" }, "NOT_A_MEMBER"],
] as const) {
  test(`enterConversation() asks ${title}: ${tag}`, async (t) => {
    const enter = await makeDoor();
    t.is((await fail(enter({ caller, ...input })))._tag, tag);
  });
}

test("enterConversation() knows no caller whom the ids cannot spell", async (t) => {
  const nameless = id("x".repeat(64));
  const { relationships } = makeMemoryStore();
  await succeed(relationships.addMembers(id("7"), [nameless]));
  const enter = enterConversation({ ids: makeMemoryIds(), relationships });
  const error = await fail(enter({ caller: nameless, conversationType: 3, targetId: "w-7" }));
  t.is(error._tag, "UNAUTHENTICATED");
});

test("enterConversation() hands on that the store is away", async (t) => {
  const away = storeUnavailable("gone");
  const enter = enterConversation({
    ids: makeMemoryIds(),
    relationships: { areFriends: () => TE.left(away), isMember: () => TE.left(away) },
  });
  t.deepEqual(await fail(enter({ caller, conversationType: 1, targetId: "w-2" })), away);
});

test("askConversation() asks beside whether the caller may enter, and tells nobody else", async (t) => {
  const asked: string[] = [];
  const noting =
    <A>(what: string, answer: A): TE.TaskEither<never, A> =>
    () => {
      asked.push(what);
      return Promise.resolve().then(TE.right(answer));
    };
  for (const related of [true, false]) {
    asked.length = 0;
    const ask = askConversation({
      ids: makeMemoryIds(),
      relationships: {
        areFriends: () => TE.left(storeUnavailable("gone")),
        isMember: () => noting("relationship", related),
      },
    })((key) => noting(`status of ${key}`, 1));
    const answer = await ask({ caller, conversationType: 3, targetId: "w-7" })();
    t.deepEqual(asked.sort(), ["relationship", "status of group:7"]);
    t.deepEqual(answer, related ? E.right(1) : E.left({ _tag: "NOT_A_MEMBER" }));
  }
});

test("askConversation() says why the caller may not enter though the question failed too", async (t) => {
  const ask = askConversation({
    ids: makeMemoryIds(),
    relationships: { areFriends: () => TE.right(false), isMember: () => TE.right(false) },
  })(() => TE.left(storeUnavailable("gone")));
  const error = await fail(ask({ caller, conversationType: 1, targetId: "w-2" }));
  t.is(error._tag, "NOT_FRIENDS");
});
