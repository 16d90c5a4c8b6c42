/** What the codecs of the domain take, and what they say is wrong with the rest. */
import * as E from "fp-ts/lib/Either.js";
import * as t from "io-ts";
import { PathReporter } from "io-ts/lib/PathReporter.js";
import { AppVersion } from "../../core/domain/app-version.ts";
import { ConversationType } from "../../core/domain/conversation.ts";
import { decode, decodeAll } from "../../core/domain/decode.ts";
import { DeadLetter } from "../../core/domain/delivery.ts";
import { DemoSquare } from "../../core/domain/demo-square.ts";
import { invalidInput } from "../../core/domain/errors.ts";
import { Id, WireId } from "../../core/domain/identity.ts";
import { ObjectName, OutboundMessage } from "../../core/domain/message.ts";
import { DesktopRelease, DownloadUrl, MobileReleases } from "../../core/domain/release.ts";
import { NoticeStatus } from "../../core/domain/screen-capture.ts";
import { StoreRecord } from "../../core/domain/store-record.ts";
import { test } from "../support/test.ts";

const MESSAGE = {
  conversationType: "PRIVATE",
  senderId: "a",
  targetId: "b",
  objectName: "RC:TxtMsg",
  content: "{}",
  includeSender: false,
};
const LETTER = {
  conversation: "group:7",
  notice: MESSAGE,
  reason: "GATEWAY_REJECTED 1005",
  attempts: 1,
  storedAt: 1,
  diedAt: 2,
};

const NOTICE = {
  _tag: "NOTICE",
  conversation: "group:7",
  notice: MESSAGE,
  attempts: 0,
  storedAt: 1,
  dueAt: 2,
};
const STATUS = { _tag: "STATUS", conversation: "group:7", status: 1, imported: true };

for (const [what, codec, taken, refused] of [
  ["AppVersion", AppVersion, ["1.0.0"], [7, "1.0", ["1.0.0"]]],
  ["ConversationType", ConversationType, ["PRIVATE", "GROUP"], ["", "group", 1]],
  [
    "DownloadUrl",
    DownloadUrl,
    ["https://a.example/b"],
    [7, "", "a", "x https://a.example/", ["https://a.example"]],
  ],
  ["Id", Id, ["7"], [7, "", "a:b", "x".repeat(65)]],
  ["NoticeStatus", NoticeStatus, [0, 1], [2, -1, "0", "1", null]],
  ["ObjectName", ObjectName, ["x", "x".repeat(32)], ["", "x".repeat(33), ["x"]]],
  [
    "StoreRecord",
    StoreRecord,
    [
      { _tag: "FRIENDS", user: "1", friend: "2" },
      { _tag: "MEMBER", group: "2", user: "1" },
      STATUS,
      NOTICE,
      { ...NOTICE, reason: "" },
      { _tag: "DEAD_LETTER", letter: LETTER },
    ],
    [
      { _tag: "FRIENDS", user: "2", friend: "1" },
      { _tag: "FRIENDS", user: "1", friend: "1" },
      { _tag: "FRIENDS", user: "1", friend: "a:b" },
      { _tag: "MEMBER", group: "", user: "1" },
      { _tag: "OTHER", group: "2", user: "1" },
      { ...STATUS, status: 2 },
      { ...STATUS, imported: 1 },
      { ...STATUS, conversation: "" },
      ...[-1, 0.5, Number.POSITIVE_INFINITY, "1"].map((attempts) => ({ ...NOTICE, attempts })),
      ...[Number.NaN, Number.NEGATIVE_INFINITY, "1", null].flatMap((time) => [
        { ...NOTICE, storedAt: time },
        { ...NOTICE, dueAt: time },
      ]),
      { ...NOTICE, reason: 7 },
      { ...NOTICE, notice: {} },
      { _tag: "DEAD_LETTER", letter: {} },
      null,
    ],
  ],
  ["WireId", WireId, ["7"], [7, "", "a:b", "x".repeat(65)]],
] as const) {
  test(`${what}.is() tells what it is from what it is not`, (t) => {
    t.deepEqual(
      taken.filter((value: unknown) => !codec.is(value)),
      [],
    );
    t.deepEqual(
      refused.filter((value: unknown) => codec.is(value)),
      [],
    );
  });
}

test("codecs of objects have names, which io-ts shows on the way to what is wrong", (t) => {
  t.deepEqual(
    [OutboundMessage, DesktopRelease, MobileReleases, DemoSquare].map(({ name }) => name),
    [
      "an outbound message",
      "a desktop release",
      "the mobile releases",
      "a list of groups and chat rooms",
    ],
  );
  t.deepEqual(PathReporter.report(MobileReleases.decode({ iOS: 7, Android: 7 })), [
    "Invalid value 7 supplied to : the mobile releases/iOS: a mobile release/0: an object",
    "Invalid value 7 supplied to : the mobile releases/iOS: a mobile release/1: an object",
    "Invalid value 7 supplied to : the mobile releases/Android: a mobile release/0: an object",
    "Invalid value 7 supplied to : the mobile releases/Android: a mobile release/1: an object",
  ]);
  t.deepEqual(PathReporter.report(DemoSquare.decode([7])), [
    "Invalid value 7 supplied to : a list of groups and chat rooms/0: a group or a chat room/0: an object",
    "Invalid value 7 supplied to : a list of groups and chat rooms/0: a group or a chat room/1: an object",
  ]);
});

for (const [codec, value] of [
  [OutboundMessage, MESSAGE],
  [DeadLetter, LETTER],
] as const) {
  test(`${codec.name} takes a whole one, and names each field that is missing or of another type`, (t) => {
    const whole: Readonly<Record<string, unknown>> = value;
    const field = (record: unknown): unknown =>
      E.match(
        (fault: { readonly field: string }) => fault.field,
        () => "none",
      )(decode<unknown>(codec, "whole")(record));
    t.is(field(whole), "none");
    for (const name of Object.keys(whole)) {
      const { [name]: _, ...rest } = whole;
      t.true(String(field(rest)).startsWith(name), name);
      t.true(String(field({ ...whole, [name]: [] })).startsWith(name), name);
    }
  });
}

test("OutboundMessage takes a push's content that is a text, and no other", (t) => {
  t.true(OutboundMessage.is({ ...MESSAGE, pushContent: "" }));
  t.false(OutboundMessage.is({ ...MESSAGE, pushContent: 7 }));
});

for (const [what, codec, value, field, expected] of [
  ["AppVersion", AppVersion, 7, "whole", "a semantic version"],
  ["DeadLetter", DeadLetter, 7, "whole", "a dead letter"],
  ["DemoSquare", DemoSquare, 7, "whole", "a list of groups and chat rooms"],
  ["DemoSquare", DemoSquare, [7], "0", "an object"],
  ["DemoSquare", DemoSquare, [{ type: 7, id: "7" }], "0.type", "group or chatroom"],
  ["DemoSquare", DemoSquare, [{ type: "group", id: [] }], "0.id", "an id"],
  ["DesktopRelease", DesktopRelease, 7, "whole", "a desktop release"],
  [
    "DownloadUrl",
    DownloadUrl,
    { toString: () => "https://a.example/" },
    "whole",
    "an absolute http or https URL",
  ],
  ["Id", Id, 7, "whole", "an id"],
  ["MobileReleases", MobileReleases, 7, "whole", "the mobile releases"],
  ["MobileReleases", MobileReleases, { iOS: 7, Android: {} }, "iOS", "an object"],
  [
    "MobileReleases",
    MobileReleases,
    { iOS: { version: "1", url: "" } },
    "iOS.url",
    "a string that is not empty",
  ],
  ["NoticeStatus", NoticeStatus, 7, "whole", "0 or 1"],
  ["ObjectName", ObjectName, 7, "whole", "a string of 1 to 32 characters"],
  ["WireId", WireId, 7, "whole", "an id"],
] as const) {
  test(`${what} of ${JSON.stringify(value)} says that ${field} is to be ${expected}`, (t) => {
    t.deepEqual(decode<unknown>(codec, "whole")(value), E.left(invalidInput(field, expected)));
  });
}

const Shape = t.type({
  name: t.string,
  size: t.union([t.type({ width: t.number }), t.number]),
});

test("decodeAll() names each wrong field once, and a choice as one", (t) => {
  t.deepEqual(
    decodeAll(Shape, "whole")({ size: { width: "wide" } }),
    E.left([invalidInput("name", "string"), invalidInput("size", "({ width: number } | number)")]),
  );
});

const Silent = new t.Type<never, never, unknown>(
  "something else",
  (_): _ is never => false,
  () => E.left([]),
  t.identity,
);

test("decodeAll() says what the whole is to be where a codec says nothing", (run) => {
  run.deepEqual(decodeAll(Silent, "whole")(7), E.left([invalidInput("whole", "something else")]));
});

test("DownloadUrl encodes a percent sign that begins no octet", (t) => {
  const read: unknown = DownloadUrl.decode("https://a.example/%2g%g2%2G");
  t.deepEqual(read, E.right("https://a.example/%252g%25g2%252G"));
});
