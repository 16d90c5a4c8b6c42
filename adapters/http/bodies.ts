import * as E from "fp-ts/lib/Either.js";
import { pipe } from "fp-ts/lib/function.js";
import * as J from "fp-ts/lib/Json.js";
import type { TaskEither } from "fp-ts/lib/TaskEither.js";
import * as t from "io-ts";
import {
  decode,
  guarded,
  type InvalidInput,
  invalidInput,
  type JsonObject,
  NonEmptyText,
  NoticeStatus,
  ObjectName,
  Text,
} from "../../core/mod.ts";
import { MAX_BODY_BYTES, type TransportError } from "./errors.ts";
import type { HttpRequest } from "./messages.ts";

const DIGITS = /^(?:0|[1-9]\d{0,8})$/;

/** An integer, or a string of its digits: clients send the one, forms and old scripts the other. */
const Integer = new t.Type<number, number, unknown>(
  "an integer, such as 1 or 3",
  (value): value is number => Number.isSafeInteger(value),
  (value, context) => {
    const number = typeof value === "string" && DIGITS.test(value) ? Number(value) : value;
    return typeof number === "number" && Number.isSafeInteger(number)
      ? t.success(number)
      : t.failure(value, context);
  },
  t.identity,
);

const Content = guarded(
  "a string that is not empty, or a JSON object",
  (value): value is string | JsonObject =>
    NonEmptyText.is(value) ||
    (typeof value === "object" && value !== null && !Array.isArray(value)),
);

const conversation = { conversationType: Integer, targetId: NonEmptyText };

/** The body of get_screen_capture and send_sc_msg. */
export const ConversationBody: t.Type<
  { readonly conversationType: number; readonly targetId: string },
  unknown,
  unknown
> = t.type(conversation, "a JSON object");

/** The body of set_screen_capture. */
export const SetScreenCaptureBody: t.Type<
  t.TypeOf<typeof ConversationBody> & { readonly noticeStatus: NoticeStatus },
  unknown,
  unknown
> = t.type({ ...conversation, noticeStatus: NoticeStatus }, "a JSON object");

/** The body of send_message. */
export const SendMessageBody: t.Type<
  {
    readonly conversationType: string;
    readonly targetId: string;
    readonly objectName: string;
    readonly content: string | JsonObject;
    readonly pushContent?: string;
  },
  unknown,
  unknown
> = t.intersection(
  [
    t.type(
      {
        conversationType: NonEmptyText,
        targetId: NonEmptyText,
        objectName: ObjectName,
        content: Content,
      },
      "a JSON object",
    ),
    t.partial({ pushContent: Text }, "a JSON object"),
  ],
  "a JSON object",
);

/** Reads a request's body as JSON and decodes it. */
export const readBody = <A>(
  codec: t.Decoder<unknown, A>,
): ((request: HttpRequest) => TaskEither<InvalidInput | TransportError, A>) => {
  const decodeBody = decode(codec, "body");
  return (request) => async () => {
    if (Number(request.header("content-length") ?? 0) > MAX_BODY_BYTES) {
      return E.left({ _tag: "PAYLOAD_TOO_LARGE" });
    }
    const bytes = await request.body(MAX_BODY_BYTES)();
    if (E.isLeft(bytes)) {
      return bytes;
    }
    const value = parseJson(bytes.right);
    return E.isLeft(value) ? value : decodeBody(value.right);
  };
};

const utf8 = new TextDecoder("utf-8", { fatal: true });

const parseJson = (bytes: Uint8Array): E.Either<InvalidInput, unknown> => {
  try {
    return pipe(
      J.parse(utf8.decode(bytes)),
      E.mapLeft(() => invalidInput("body", "JSON")),
    );
  } catch {
    return E.left(invalidInput("body", "UTF-8"));
  }
};
