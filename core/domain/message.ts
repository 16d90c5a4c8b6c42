/**
 * A message on its way out.
 *
 * @module
 */
import * as E from "fp-ts/lib/Either.js";
import { pipe } from "fp-ts/lib/function.js";
import * as J from "fp-ts/lib/Json.js";
import * as t from "io-ts";
import { ConversationType } from "./conversation.ts";
import { guarded } from "./decode.ts";
import { type InvalidInput, invalidInput } from "./errors.ts";
import { WireId } from "./identity.ts";

const LONGEST_OBJECT_NAME = 32;

/**
 * Reads the name of a message type, such as `RC:TxtMsg`: 1 to 32 characters, which is what
 * RongCloud takes.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { ObjectName } from "sealtalk-misc";
 *
 * assert.equal(ObjectName.is("x".repeat(33)), false);
 * ```
 */
export const ObjectName: t.Type<string, string, unknown> = guarded(
  "a string of 1 to 32 characters",
  (value): value is string =>
    typeof value === "string" && value.length >= 1 && value.length <= LONGEST_OBJECT_NAME,
);

/** From whom a message comes and where it goes, as the wire spells both. */
export interface Address {
  /** `PRIVATE`: `targetId` is a user. `GROUP`: it is a group. */
  readonly conversationType: ConversationType;
  /** The user it comes from. */
  readonly senderId: WireId;
  /** The user or the group it goes to. */
  readonly targetId: WireId;
}

/** A message with everything that a gateway needs to send it. */
export interface OutboundMessage extends Address {
  /** The type of the message: `RC:TxtMsg`, `ST:ConNtf`. */
  readonly objectName: string;
  /** The text that RongCloud hands on as it is; JSON for its own types. */
  readonly content: string;
  /** What a push notification shows in place of the content. */
  readonly pushContent?: string;
  /** Whether the sender's own devices get it too. */
  readonly includeSender: boolean;
}

/**
 * Reads an {@link OutboundMessage}, for stores that keep one.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { OutboundMessage } from "sealtalk-misc";
 *
 * assert.equal(OutboundMessage.is({ senderId: "a" }), false);
 * ```
 */
export const OutboundMessage: t.Type<OutboundMessage, unknown, unknown> = t.readonly(
  t.intersection([
    t.type({
      conversationType: ConversationType,
      senderId: WireId,
      targetId: WireId,
      objectName: ObjectName,
      content: t.string,
      includeSender: t.boolean,
    }),
    t.partial({ pushContent: t.string }),
  ]),
  "an outbound message",
);

/** A JSON object whose members nobody has looked at. */
export type JsonObject = { readonly [key: string]: unknown };

// Most text is none, and the first character tells what an exception of the parser tells slowly.
const isJsonObject = (text: string): boolean =>
  /^[ \t\n\r]*\{/.test(text) && E.isRight(J.parse(text));

/**
 * The content as RongCloud wants it. An object is sent as its JSON. RongCloud's own types (`RC:…`)
 * carry a JSON object: for `RC:TxtMsg` any other text is wrapped as `{"content": …}`, for the
 * others it is refused. Content of any other type goes as it is. An object has at most 1,000
 * levels.
 */
export const messageContent = (
  objectName: string,
  content: string | JsonObject,
): E.Either<InvalidInput, string> => {
  if (typeof content !== "string") {
    return stringify(content);
  }
  if (!objectName.startsWith("RC:") || isJsonObject(content)) {
    return E.right(content);
  }
  return objectName === "RC:TxtMsg"
    ? E.right(JSON.stringify({ content }))
    : E.left(invalidInput("content", `a JSON object, which ${RC_TYPES} carry`));
};

const RC_TYPES = "RongCloud's own types";

const MOST_LEVELS = 1_000;

// Runtimes overflow, when they write an object, at depths that differ; who reads the message may at less.
const isTooDeep = (content: JsonObject): boolean => {
  let level: ReadonlyArray<object> = [content];
  for (let depth = 0; depth < MOST_LEVELS && level.length > 0; depth += 1) {
    level = level.flatMap((one) => Object.values(one)).filter(isNested);
  }
  return level.length > 0;
};

const isNested = (value: unknown): value is object => typeof value === "object" && value !== null;

const stringify = (content: JsonObject): E.Either<InvalidInput, string> =>
  pipe(
    content,
    E.fromPredicate(
      (whole) => !isTooDeep(whole),
      () => invalidInput("content", `a JSON object of at most ${MOST_LEVELS} levels`),
    ),
    E.chain((whole) =>
      pipe(
        J.stringify(whole),
        E.mapLeft(() => invalidInput("content", "what JSON can hold")),
      ),
    ),
  );
