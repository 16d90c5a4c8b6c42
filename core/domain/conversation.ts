/**
 * Where people talk: two users in private, or a group.
 *
 * @module
 */
import * as E from "fp-ts/lib/Either.js";
import type { UnsupportedConversationType } from "./errors.ts";
import type { GroupId, Id, UserId } from "./identity.ts";

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

/** A conversation, the same whichever of its users names it. */
export type Conversation =
  | { readonly _tag: "PRIVATE"; readonly users: readonly [UserId, UserId] }
  | { readonly _tag: "GROUP"; readonly group: GroupId };

/** One name for each conversation: see {@link conversationKey}. */
export type ConversationKey = string & { readonly of?: "conversation" };

/**
 * Reads the type that a client asked for. send_message says `PRIVATE` or `GROUP`; the
 * screen-capture routes say 1 or 3, RongCloud's own numbers for the same two.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { left, right } from "fp-ts/lib/Either.js";
 * import { conversationType } from "sealtalk-misc";
 *
 * assert.deepEqual(conversationType("PRIVATE"), right("PRIVATE"));
 * assert.deepEqual(conversationType(3), right("GROUP"));
 * assert.deepEqual(conversationType(9), left({ _tag: "UNSUPPORTED_CONVERSATION_TYPE" }));
 * ```
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
 * The conversation that `caller` means by a type and a target: the other user, or the group.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { conversationWith, Id } from "sealtalk-misc";
 *
 * const [one, two] = ["1", "2"].filter(Id.is);
 * assert.ok(one !== undefined && two !== undefined);
 * assert.deepEqual(
 *   conversationWith("PRIVATE", one, two),
 *   conversationWith("PRIVATE", two, one),
 * );
 * ```
 */
export const conversationWith = (
  type: ConversationType,
  caller: UserId,
  target: Id,
): Conversation => {
  if (type === "GROUP") {
    return { _tag: "GROUP", group: target };
  }
  return { _tag: "PRIVATE", users: caller < target ? [caller, target] : [target, caller] };
};

/**
 * The conversation's one name, for a store to keep things under. No id holds a colon, so no two
 * conversations share a key, and no group has a pair's.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { conversationKey, conversationWith, Id } from "sealtalk-misc";
 *
 * const [ten, nine] = ["10", "9"].filter(Id.is);
 * assert.ok(ten !== undefined && nine !== undefined);
 * assert.equal(conversationKey(conversationWith("PRIVATE", nine, ten)), "private:10:9");
 * assert.equal(conversationKey(conversationWith("GROUP", nine, ten)), "group:10");
 * ```
 */
export const conversationKey = (conversation: Conversation): ConversationKey =>
  conversation._tag === "PRIVATE"
    ? `private:${conversation.users.join(":")}`
    : `group:${conversation.group}`;
