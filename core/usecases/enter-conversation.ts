import * as E from "fp-ts/lib/Either.js";
import * as O from "fp-ts/lib/Option.js";
import type * as TE from "fp-ts/lib/TaskEither.js";
import {
  type ConversationKey,
  type ConversationType,
  conversationType,
  keyOfGroup,
  keyOfPair,
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
  async () => {
    const named = await name(ids, input);
    if (E.isLeft(named)) {
      return named;
    }
    const refusal = await refusalOf(relationships, named.right);
    return O.isSome(refusal) ? E.left(refusal.value) : addressed(ids, named.right);
  };

/**
 * Asks something of a conversation through the same door. The question is put beside the one
 * whether the caller may enter, so that a store can answer both at once; its answer is told to
 * nobody else.
 */
export const askConversation =
  ({ ids, relationships }: EntryPorts) =>
  <A>(question: (key: ConversationKey) => TE.TaskEither<StoreUnavailable, A>) =>
  (input: ConversationInput): TE.TaskEither<EntryError, A> =>
  async () => {
    const named = await name(ids, input);
    if (E.isLeft(named)) {
      return named;
    }
    const [refusal, answer] = await Promise.all([
      refusalOf(relationships, named.right),
      question(named.right.key)(),
    ]);
    return O.isSome(refusal) ? E.left(refusal.value) : answer;
  };

/** A conversation that the caller has named, and may not be allowed into. */
interface Named {
  readonly key: ConversationKey;
  readonly type: ConversationType;
  readonly caller: UserId;
  readonly target: Id;
}

const name = async (
  ids: IdCodec,
  { caller, conversationType: asked, targetId }: ConversationInput,
): Promise<E.Either<EntryError, Named>> => {
  const target = await ids.decode(targetId)();
  if (E.isLeft(target)) {
    return E.left(invalidInput("targetId", "an id"));
  }
  const type = conversationType(asked);
  if (E.isLeft(type)) {
    return type;
  }
  const key = type.right === "PRIVATE" ? keyOfPair(caller, target.right) : keyOfGroup(target.right);
  return E.right({ key, type: type.right, caller, target: target.right });
};

const refusalOf = async (
  { areFriends, isMember }: Relationships,
  { type, caller, target }: Named,
): Promise<O.Option<EntryError>> => {
  const related = await (type === "PRIVATE"
    ? areFriends(caller, target)
    : isMember(target, caller))();
  if (E.isLeft(related)) {
    return O.some(related.left);
  }
  if (related.right) {
    return O.none;
  }
  return O.some({ _tag: type === "PRIVATE" ? "NOT_FRIENDS" : "NOT_A_MEMBER" });
};

const addressed = async (
  ids: IdCodec,
  { key, type, caller, target }: Named,
): Promise<E.Either<EntryError, Entered>> => {
  const senderId = await ids.encode(caller)();
  const targetId = await ids.encode(target)();
  // The target came out of the same codec, so what it cannot spell is the caller.
  return E.isLeft(senderId) || E.isLeft(targetId)
    ? E.left({ _tag: "UNAUTHENTICATED" })
    : E.right({
        key,
        address: {
          conversationType: type,
          senderId: senderId.right,
          targetId: targetId.right,
        },
      });
};
