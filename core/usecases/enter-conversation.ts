import { pipe } from "fp-ts/lib/function.js";
import * as TE from "fp-ts/lib/TaskEither.js";
import {
  type ConversationKey,
  type ConversationType,
  conversationKey,
  conversationType,
  conversationWith,
} from "../domain/conversation.ts";
import {
  type InvalidInput,
  invalidInput,
  type NotAMember,
  type NotFriends,
  type StoreUnavailable,
  type Unauthenticated,
  type UnsupportedConversationType,
} from "../domain/errors.ts";
import type { Id, UserId } from "../domain/identity.ts";
import type { Address } from "../domain/message.ts";
import type { IdCodec } from "../ports/id-codec.ts";
import type { Relationships } from "../ports/relationships.ts";

/** A caller, and the conversation that they name by a type and a target. */
export interface ConversationInput {
  /** Who asks: what a verified session says. */
  readonly caller: UserId;
  /** `PRIVATE` or `GROUP`, or RongCloud's numbers for them: 1 or 3. */
  readonly conversationType: string | number;
  /** The other user or the group, as the wire spells it. */
  readonly targetId: string;
}

/** A conversation that the caller may act in, and the address of what they say in it. */
export interface Entered {
  readonly key: ConversationKey;
  readonly address: Address;
}

/** Everything that keeps a caller out of a conversation. */
export type EntryError =
  | Unauthenticated
  | InvalidInput
  | UnsupportedConversationType
  | NotFriends
  | NotAMember
  | StoreUnavailable;

/** The ports that the door into a conversation needs. */
export interface EntryPorts {
  /** How targets are spelled. */
  readonly ids: IdCodec;
  /** Who may act where. */
  readonly relationships: Relationships;
}

/**
 * The one door into a conversation. Checked in the contract's order: the target is an id, the type
 * is one that we serve, and the caller is the target's friend or in the group.
 */
export const enterConversation =
  ({ ids, relationships }: EntryPorts) =>
  ({
    caller,
    conversationType: asked,
    targetId,
  }: ConversationInput): TE.TaskEither<EntryError, Entered> =>
    pipe(
      ids.decode(targetId),
      TE.mapLeft((): EntryError => invalidInput("targetId", "an id")),
      TE.bindTo("target"),
      TE.bindW("type", () => TE.fromEither(conversationType(asked))),
      TE.chainFirst(({ type, target }) => mayAct(relationships)(type, caller, target)),
      TE.bind("address", ({ type, target }) => addressOf(ids)(type, caller, target)),
      TE.map(({ type, target, address }) => ({
        key: conversationKey(conversationWith(type, caller, target)),
        address,
      })),
    );

const mayAct =
  (relationships: Relationships) =>
  (type: ConversationType, caller: UserId, target: Id): TE.TaskEither<EntryError, true> =>
    pipe(
      type === "PRIVATE"
        ? relationships.areFriends(caller, target)
        : relationships.isMember(target, caller),
      TE.filterOrElseW(
        (related): related is true => related,
        (): EntryError => ({ _tag: type === "PRIVATE" ? "NOT_FRIENDS" : "NOT_A_MEMBER" }),
      ),
    );

const addressOf =
  (ids: IdCodec) =>
  (type: ConversationType, caller: UserId, target: Id): TE.TaskEither<EntryError, Address> =>
    pipe(
      TE.Do,
      TE.apS("senderId", ids.encode(caller)),
      TE.apS("targetId", ids.encode(target)),
      // The target came out of the same codec, so what it cannot spell is the caller.
      TE.bimap(
        (): EntryError => ({ _tag: "UNAUTHENTICATED" }),
        ({ senderId, targetId }) => ({ conversationType: type, senderId, targetId }),
      ),
    );
