import * as fc from "fast-check";
import * as E from "fp-ts/lib/Either.js";
import { conversationType, keyOfGroup, keyOfPair } from "../../core/domain/conversation.ts";
import { Id } from "../../core/domain/identity.ts";
import { test } from "../support/test.ts";

const id = fc.stringMatching(/^[A-Za-z0-9_-]{1,8}$/).filter(Id.is);

test("keyOfPair() is the same from both sides", (t) => {
  t.notThrows(() => fc.assert(fc.property(id, id, (a, b) => keyOfPair(a, b) === keyOfPair(b, a))));
});

test("keys are what stores have under them", (t) => {
  const [ten, nine] = ["10", "9"].filter(Id.is);
  if (ten === undefined || nine === undefined) {
    throw new Error("no ids");
  }
  t.is(keyOfPair(nine, ten), "private:10:9");
  t.is(keyOfGroup(nine), "group:9");
});

test("keyOfPair() is another for another pair", (t) => {
  t.notThrows(() =>
    fc.assert(
      fc.property(id, id, id, id, (a, b, c, d) => {
        const samePair = (a === c && b === d) || (a === d && b === c);
        return (keyOfPair(a, b) === keyOfPair(c, d)) === samePair;
      }),
    ),
  );
});

test("keyOfGroup() is never another group's or a pair's", (t) => {
  t.notThrows(() =>
    fc.assert(
      fc.property(id, id, id, id, (a, b, group, other) => {
        const key = keyOfGroup(group);
        return key !== keyOfPair(a, b) && (key === keyOfGroup(other)) === (group === other);
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
