import test from "ava";
import * as fc from "fast-check";
import * as E from "fp-ts/lib/Either.js";
import { messageContent } from "../../core/domain/message.ts";

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
