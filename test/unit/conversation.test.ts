import test from "ava";
import * as fc from "fast-check";
import * as E from "fp-ts/lib/Either.js";
import {
  conversationKey,
  conversationType,
  conversationWith,
} from "../../core/domain/conversation.ts";
import { Id } from "../../core/domain/identity.ts";

const id = fc.stringMatching(/^[A-Za-z0-9_-]{1,8}$/).filter(Id.is);

const privateKey = (a: Id, b: Id): string => conversationKey(conversationWith("PRIVATE", a, b));
const groupKey = (caller: Id, group: Id): string =>
  conversationKey(conversationWith("GROUP", caller, group));

test("conversationKey() is the same from both sides of a private conversation", (t) => {
  t.notThrows(() =>
    fc.assert(fc.property(id, id, (a, b) => privateKey(a, b) === privateKey(b, a))),
  );
});

test("conversationKey() is the same for every member of a group", (t) => {
  t.notThrows(() =>
    fc.assert(fc.property(id, id, id, (a, b, group) => groupKey(a, group) === groupKey(b, group))),
  );
});

test("conversationKey() is another for another pair", (t) => {
  t.notThrows(() =>
    fc.assert(
      fc.property(id, id, id, id, (a, b, c, d) => {
        const samePair = (a === c && b === d) || (a === d && b === c);
        return (privateKey(a, b) === privateKey(c, d)) === samePair;
      }),
    ),
  );
});

test("conversationKey() of a group is never another group's or a pair's", (t) => {
  t.notThrows(() =>
    fc.assert(
      fc.property(id, id, id, id, (a, b, group, other) => {
        const key = groupKey(a, group);
        return key !== privateKey(a, b) && (key === groupKey(a, other)) === (group === other);
      }),
    ),
  );
});

for (const [asked, expected] of [
  ["PRIVATE", E.right("PRIVATE")],
  [1, E.right("PRIVATE")],
  ["GROUP", E.right("GROUP")],
  [3, E.right("GROUP")],
  ...["private", "1", "3", "", "constructor", 0, 2, 4, Number.NaN].map(
    (other) => [other, E.left({ _tag: "UNSUPPORTED_CONVERSATION_TYPE" })] as const,
  ),
] as const) {
  test(`conversationType() reads ${JSON.stringify(asked)} as ${JSON.stringify(expected)}`, (t) => {
    const read: unknown = conversationType(asked);
    t.deepEqual(read, expected);
  });
}
