import * as E from "fp-ts/lib/Either.js";
import * as O from "fp-ts/lib/Option.js";
import { makeMemoryPorts, makeMemoryVersions, sampleRecords } from "../../adapters/memory/mod.ts";
import { decode } from "../../core/domain/decode.ts";
import { DemoSquare, demoSquareItem } from "../../core/domain/demo-square.ts";
import { createMisc } from "../../core/mod.ts";
import { fail, id, succeed, wireId } from "../contract/expect.ts";
import { test } from "../support/test.ts";

const TEAM = { name: "Team", portraitUri: "u", memberCount: 2, maxMemberCount: 500 };

test("DemoSquare reads an id that is a number as its digits, and keeps the rest", (t) => {
  const read: unknown = DemoSquare.decode([
    { type: "group", id: 7, name: "Team" },
    { type: "group", id: "7" },
    { type: "chatroom", id: "lobby", name: "Lobby" },
  ]);
  t.deepEqual(
    read,
    E.right([
      { type: "group", id: "7", name: "Team" },
      { type: "group", id: "7" },
      { type: "chatroom", id: "lobby", name: "Lobby" },
    ]),
  );
});

for (const [value, field] of [
  [{}, "demo_square.json"],
  [null, "demo_square.json"],
  ["[]", "demo_square.json"],
  [[null], "0"],
  [[[]], "0"],
  [[{ type: "group" }], "0.id"],
  [
    [
      { type: "group", id: "7" },
      { type: "Group", id: "7" },
    ],
    "1.type",
  ],
  [[{ type: "constructor", id: "7" }], "0.type"],
  [[{ type: "group", id: 7.5 }], "0.id"],
  [[{ type: "group", id: 2 ** 53 }], "0.id"],
  [[{ type: "group", id: "a b" }], "0.id"],
  [[{ type: "group", id: ["7"] }], "0.id"],
  [[{ type: "chatroom", id: "7", name: "" }], "0.name"],
  [[{ type: "chatroom", id: "7", name: null }], "0.name"],
] as const) {
  test(`DemoSquare names ${field} of ${JSON.stringify(value)}`, (t) => {
    t.like(decode(DemoSquare, "demo_square.json")(value), { _tag: "Left", left: { field } });
  });
}

for (const [type, name, profile, expected] of [
  ["group", undefined, O.some(TEAM), TEAM],
  ["group", "Old", O.some(TEAM), TEAM],
  ["group", "Old", O.none, { name: "Old", portraitUri: "", memberCount: 0, maxMemberCount: 0 }],
  [
    "group",
    undefined,
    O.none,
    { name: "Unknown", portraitUri: "", memberCount: 0, maxMemberCount: 0 },
  ],
  ["chatroom", "Lobby", O.none, { name: "Lobby" }],
  ["chatroom", undefined, O.some(TEAM), { name: "Unknown" }],
] as const) {
  test(`demoSquareItem() calls a ${type} named ${name}, ${profile._tag} known: ${expected.name}`, (t) => {
    const place = { type, id: id("7"), ...(name === undefined ? {} : { name }) };
    t.deepEqual<object, object>(demoSquareItem(place, wireId("w-7"), profile), {
      type,
      id: "w-7",
      ...expected,
    });
  });
}

test("demoSquare() asks for each group's profile at once, and for no chat room's", async (t) => {
  const asked: unknown[] = [];
  const { versions } = makeMemoryVersions({
    ...sampleRecords,
    demoSquare: [
      { type: "group", id: "7" },
      { type: "chatroom", id: "9" },
      { type: "group", id: "8" },
    ],
  });
  const groups = {
    profilesOf: (ids: unknown) => async () => {
      asked.push(ids);
      return E.right(new Map([[id("8"), TEAM]]));
    },
  };
  const misc = createMisc(makeMemoryPorts({ versions, groups }));
  const items = await succeed(misc.demoSquare());
  t.deepEqual(
    items.map(({ name }) => name),
    ["Unknown", "Unknown", "Team"],
  );
  t.deepEqual(asked, [["7", "8"]]);
});

test("demoSquare() has no list of which an id cannot be spelled", async (t) => {
  const { versions } = makeMemoryVersions({
    ...sampleRecords,
    demoSquare: [{ type: "chatroom", id: "x".repeat(64) }],
  });
  t.deepEqual(await fail(createMisc(makeMemoryPorts({ versions })).demoSquare()), {
    _tag: "VERSIONS_UNAVAILABLE",
    cause: `demo square: ${"x".repeat(64)} is no id of this deployment`,
  });
});
