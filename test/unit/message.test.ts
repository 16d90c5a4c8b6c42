import * as fc from "fast-check";
import * as E from "fp-ts/lib/Either.js";
import { invalidInput } from "../../core/domain/errors.ts";
import { type JsonObject, messageContent } from "../../core/domain/message.ts";
import { test } from "../support/test.ts";

test("messageContent() of RC:TxtMsg is always a JSON object that holds the text", (t) => {
  t.notThrows(() =>
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (content) => {
        const sent = messageContent("RC:TxtMsg", content);
        return (
          E.isRight(sent) && (sent.right === content || JSON.parse(sent.right).content === content)
        );
      }),
    ),
  );
});

test("messageContent() of an app's own type is any text as it is", (t) => {
  t.notThrows(() =>
    fc.assert(
      fc.property(fc.string(), (content) =>
        E.elem({ equals: (a: string, b: string) => a === b })(
          content,
          messageContent("app:Type", content),
        ),
      ),
    ),
  );
});

test("messageContent() of RongCloud's other types is the JSON object or nothing", (t) => {
  t.notThrows(() =>
    fc.assert(
      fc.property(fc.json(), (content) => {
        const value: unknown = JSON.parse(content);
        const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
        return E.isRight(messageContent("RC:ImgMsg", content)) === isObject;
      }),
    ),
  );
});

test("messageContent() says why content is refused", (t) => {
  t.deepEqual(
    messageContent("RC:ImgMsg", "text"),
    E.left(invalidInput("content", "a JSON object, which RongCloud's own types carry")),
  );
  t.deepEqual(
    messageContent("app:Type", { size: 1n }),
    E.left(invalidInput("content", "what JSON can hold")),
  );
});

test("messageContent() of an object may hold null", (t) => {
  t.deepEqual(messageContent("app:Type", { a: { b: null } }), E.right('{"a":{"b":null}}'));
});

test("messageContent() of an object has at most 1,000 levels", (t) => {
  const nested = (levels: number): JsonObject =>
    Array.from({ length: levels - 1 }).reduce<JsonObject>((inner) => ({ a: inner, b: 1 }), {});
  t.true(E.isRight(messageContent("app:Type", nested(1_000))));
  t.deepEqual(
    messageContent("app:Type", nested(1_001)),
    E.left(invalidInput("content", "a JSON object of at most 1000 levels")),
  );
});
