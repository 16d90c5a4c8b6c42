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
  (input: ConversationInput): TE.TaskEither<EntryError, Entered> =>
    pipe(
      named(ids)(input),
      TE.chain((conversation) =>
        pipe(
          mayAct(relationships)(conversation),
          TE.chain(() => addressOf(ids)(conversation)),
          TE.map((address) => ({ key: conversation.key, address })),
        ),
      ),
    );

/**
 * Asks something of a conversation through the same door. The question is put beside the one
 * whether the caller may enter, so that a store can answer both at once; its answer is told to
 * nobody else.
 */
export const askConversation =
  ({ ids, relationships }: EntryPorts) =>
  <A>(question: (key: ConversationKey) => TE.TaskEither<StoreUnavailable, A>) =>
  (input: ConversationInput): TE.TaskEither<EntryError, A> =>
    pipe(
      named(ids)(input),
      TE.chain((conversation) =>
        pipe(
          mayAct(relationships)(conversation),
          TE.apSecond<EntryError, A>(question(conversation.key)),
        ),
      ),
    );

/** A conversation that the caller has named, and may not be allowed into. */
interface Named {
  readonly key: ConversationKey;
  readonly type: ConversationType;
  readonly caller: UserId;
  readonly target: Id;
}

const named =
  (ids: IdCodec) =>
  ({
    caller,
    conversationType: asked,
    targetId,
  }: ConversationInput): TE.TaskEither<EntryError, Named> =>
    pipe(
      ids.decode(targetId),
      TE.mapLeft((): EntryError => invalidInput("targetId", "an id")),
      TE.chain((target) =>
        pipe(
          TE.fromEither<EntryError, ConversationType>(conversationType(asked)),
          TE.map((type) => ({
            key: conversationKey(conversationWith(type, caller, target)),
            type,
            caller,
            target,
          })),
        ),
      ),
    );

const mayAct =
  ({ areFriends, isMember }: Relationships) =>
  ({ type, caller, target }: Named): TE.TaskEither<EntryError, true> =>
    pipe(
      type === "PRIVATE" ? areFriends(caller, target) : isMember(target, caller),
      TE.chain((related) =>
        related
          ? TE.right<EntryError, true>(true)
          : TE.left({ _tag: type === "PRIVATE" ? "NOT_FRIENDS" : "NOT_A_MEMBER" }),
      ),
    );

const addressOf =
  (ids: IdCodec) =>
  ({ type, caller, target }: Named): TE.TaskEither<EntryError, Address> =>
    pipe(
      ids.encode(caller),
      TE.chain((senderId) =>
        pipe(
          ids.encode(target),
          TE.map((targetId) => ({ conversationType: type, senderId, targetId })),
        ),
      ),
      // The target came out of the same codec, so what it cannot spell is the caller.
      TE.mapLeft((): EntryError => ({ _tag: "UNAUTHENTICATED" })),
    );
