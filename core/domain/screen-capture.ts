/**
 * Notices about screenshots: whether a conversation wants them, and what they say.
 *
 * @module
 */
import * as t from "io-ts";
import type { Address, OutboundMessage } from "./message.ts";

/** Whether a conversation's users are told of screenshots: 0 is off, and what an unset one has. */
export type NoticeStatus = 0 | 1;

/**
 * Reads a {@link NoticeStatus}, also from a string of the same digit.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { isLeft, right } from "fp-ts/lib/Either.js";
 * import { NoticeStatus } from "sealtalk-misc";
 *
 * assert.deepEqual(NoticeStatus.decode("1"), right(1));
 * assert.equal(isLeft(NoticeStatus.decode(7)), true);
 * ```
 */
export const NoticeStatus: t.Type<NoticeStatus, NoticeStatus, unknown> = new t.Type<
  NoticeStatus,
  NoticeStatus,
  unknown
>(
  "0 or 1",
  (value): value is NoticeStatus => value === 0 || value === 1,
  (value, context) => {
    switch (value) {
      case 0:
      case "0":
        return t.success(0);
      case 1:
      case "1":
        return t.success(1);
      default:
        return t.failure(value, context);
    }
  },
  t.identity,
);

/** What happened, in the words that clients know. */
export type NoticeOperation = "openScreenNtf" | "closeScreenNtf" | "sendScreenNtf";

/**
 * The operation that tells of a change to `status`.
 */
export const operationFor = (status: NoticeStatus): NoticeOperation =>
  status === 1 ? "openScreenNtf" : "closeScreenNtf";

/**
 * The `ST:ConNtf` message that tells a conversation, the sender's own devices included, what its
 * sender did.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { screenCaptureNotice, WireId } from "sealtalk-misc";
 *
 * const [senderId, targetId] = ["kFpN4KiZn", "z2mlAvb0c"].filter(WireId.is);
 * assert.ok(senderId !== undefined && targetId !== undefined);
 * const notice = screenCaptureNotice("sendScreenNtf", { conversationType: "PRIVATE", senderId, targetId });
 * assert.equal(notice.content, '{"operatorUserId":"kFpN4KiZn","operation":"sendScreenNtf"}');
 * ```
 */
export const screenCaptureNotice = (
  operation: NoticeOperation,
  address: Address,
): OutboundMessage => ({
  ...address,
  objectName: "ST:ConNtf",
  content: JSON.stringify({ operatorUserId: address.senderId, operation }),
  includeSender: true,
});
