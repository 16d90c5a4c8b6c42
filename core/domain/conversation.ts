/**
 * Where people talk: two users in private, or a group.
 *
 * @module
 */
import * as E from "fp-ts/lib/Either.js";
import * as t from "io-ts";
import type { UnsupportedConversationType } from "./errors.ts";
import type { GroupId, UserId } from "./identity.ts";

/**
 * The two kinds of conversation that this service serves.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { CONVERSATION_TYPES } from "sealtalk-misc";
 *
 * assert.deepEqual(CONVERSATION_TYPES, ["PRIVATE", "GROUP"]);
 * ```
 */
export const CONVERSATION_TYPES = ["PRIVATE", "GROUP"] as const;

/** One of {@link CONVERSATION_TYPES}. */
export type ConversationType = (typeof CONVERSATION_TYPES)[number];

/**
 * Reads a {@link ConversationType}, for stores that keep one.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { ConversationType } from "sealtalk-misc";
 *
 * assert.deepEqual(["GROUP", "group", 3].map(ConversationType.is), [true, false, false]);
 * ```
 */
export const ConversationType: t.Type<ConversationType, unknown, unknown> = t.union([
  t.literal("PRIVATE"),
  t.literal("GROUP"),
]);

/**
 * The one name of a conversation, the same whichever of its users names it, for a store to keep
 * things under. No id holds a colon, so no two conversations share a key, and no group has a pair's.
 */
export type ConversationKey = string & { readonly of?: "conversation" };

/**
 * Reads the type that a client asked for. send_message says `PRIVATE` or `GROUP`; the
 * screen-capture routes say 1 or 3, RongCloud's own numbers for the same two.
 */
export const conversationType = (
  asked: string | number,
): E.Either<UnsupportedConversationType, ConversationType> => {
  switch (asked) {
    case "PRIVATE":
    case 1:
      return E.right("PRIVATE");
    case "GROUP":
    case 3:
      return E.right("GROUP");
    default:
      return E.left({ _tag: "UNSUPPORTED_CONVERSATION_TYPE" });
  }
};

/**
 * The private conversation of two users.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { Id, keyOfPair } from "sealtalk-misc";
 *
 * const [ten, nine] = ["10", "9"].filter(Id.is);
 * assert.ok(ten !== undefined && nine !== undefined);
 * assert.equal(keyOfPair(nine, ten), "private:10:9");
 * assert.equal(keyOfPair(ten, nine), "private:10:9");
 * ```
 */
export const keyOfPair = (user: UserId, other: UserId): ConversationKey =>
  user < other ? `private:${user}:${other}` : `private:${other}:${user}`;

/**
 * The conversation of a group.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { Id, keyOfGroup } from "sealtalk-misc";
 *
 * assert.deepEqual(["10"].filter(Id.is).map(keyOfGroup), ["group:10"]);
 * ```
 */
export const keyOfGroup = (group: GroupId): ConversationKey => `group:${group}`;
