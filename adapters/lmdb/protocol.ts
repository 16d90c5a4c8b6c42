/**
 * What a process that does not own the store asks of the one that does: each function of the three
 * ports by name, its arguments and its answer as JSON.
 *
 * @module
 */
import { pipe } from "fp-ts/lib/function.js";
import type * as O from "fp-ts/lib/Option.js";
import type * as T from "fp-ts/lib/Task.js";
import * as TE from "fp-ts/lib/TaskEither.js";
import * as t from "io-ts";
import {
  type Claim,
  type ClaimLost,
  type ConversationKey,
  type ConversationType,
  DeadLetter,
  type GroupId,
  guarded,
  Id,
  NoticeStatus,
  OutboundMessage,
  type OutboxStatus,
  type Outcome,
  type StoreUnavailable,
  storeUnavailable,
  type UserId,
} from "../../core/mod.ts";
import type { Backend } from "./backend.ts";

/** A question: a function's name and its arguments, as they are in JSON. */
export interface Question {
  readonly method: string;
  readonly args: unknown;
}

/** An answer: what a function answered, as it is in JSON. Without either, that is nothing. */
export interface Answer {
  readonly fault?: unknown;
  readonly value?: unknown;
}

/** Reads an {@link Answer}. */
export const Answer: t.Type<Answer, unknown, unknown> = t.partial({
  fault: t.unknown,
  value: t.unknown,
});

/** Sends a question to the owner and answers with what came back. */
export type Send = (question: Question) => TE.TaskEither<StoreUnavailable, Answer>;

/** One function of a port, at both ends of the wire. */
export interface Method<Args extends ReadonlyArray<unknown>, Fault, A> {
  readonly name: string;
  /** At the owner: decodes the arguments and runs the function. */
  readonly serve: (backend: Backend) => (args: unknown) => T.Task<Answer>;
  /** At the others: the function, by way of who sends. */
  readonly ask: (send: Send) => (...args: Args) => TE.TaskEither<Fault | StoreUnavailable, A>;
}

const define = <Args extends ReadonlyArray<unknown>, Fault, A>(
  name: string,
  args: t.Decoder<unknown, Args>,
  value: t.Decoder<unknown, A>,
  fault: t.Decoder<unknown, Fault>,
  run: (backend: Backend) => (...args: Args) => TE.TaskEither<Fault | StoreUnavailable, A>,
): Method<Args, Fault, A> => {
  const read = <B>(
    decoder: t.Decoder<unknown, B>,
    found: unknown,
  ): TE.TaskEither<StoreUnavailable, B> =>
    pipe(
      TE.fromEither(decoder.decode(found)),
      TE.mapLeft(() => storeUnavailable(`${name}: the other process speaks another version`)),
    );
  return {
    name,
    serve: (backend) => (given) =>
      pipe(
        read(args, given),
        TE.chainW((decoded) => run(backend)(...decoded)),
        TE.match(
          (failure): Answer => ({ fault: failure }),
          (answer): Answer => ({ value: answer }),
        ),
      ),
    ask:
      (send) =>
      (...given) =>
        pipe(
          send({ method: name, args: given }),
          TE.chainW(
            (answer): TE.TaskEither<Fault | StoreUnavailable, A> =>
              answer.fault === undefined
                ? read(value, answer.value)
                : pipe(
                    read(StoreFault, answer.fault),
                    TE.altW(() => read(fault, answer.fault)),
                    TE.chainW(TE.left),
                  ),
          ),
        ),
  };
};

const StoreFault: t.Decoder<unknown, StoreUnavailable> = t.type({
  _tag: t.literal("STORE_UNAVAILABLE"),
  cause: t.string,
});

const ClaimFault: t.Decoder<unknown, ClaimLost> = t.type({ _tag: t.literal("CLAIM_LOST") });

const claim = t.type({
  conversation: t.string,
  token: t.number,
  notice: OutboundMessage,
  attempts: t.number,
  storedAt: t.number,
  leaseUntil: t.number,
});

const outcome = t.union([
  t.type({ _tag: t.literal("DELIVERED") }),
  t.type({ _tag: t.literal("POSTPONED"), until: t.number, reason: t.string }),
  t.type({ _tag: t.literal("DEAD"), reason: t.string }),
]);

// An Option is spelled in JSON as it is.
const option = <A>(value: t.Type<A, unknown, unknown>): t.Type<O.Option<A>, unknown, unknown> =>
  t.union([t.type({ _tag: t.literal("None") }), t.type({ _tag: t.literal("Some"), value })]);

const status = t.type({
  pending: t.number,
  oldest: option(t.number),
  inFlight: t.number,
  dead: t.number,
  reasons: t.readonlyArray(
    t.type({
      state: t.union([t.literal("postponed"), t.literal("dead")]),
      reason: t.string,
      count: t.number,
    }),
  ),
});

const key = t.string;
const type = t.union([t.literal("PRIVATE"), t.literal("GROUP")]);
const ids = t.readonlyArray(Id);

const NoArguments: t.Decoder<unknown, []> = guarded(
  "no arguments",
  (value): value is [] => Array.isArray(value) && value.length === 0,
);

/** Which version of this protocol the owner speaks: that it answers, and is understood. */
export const HELLO: Method<[], never, 1> = define(
  "hello",
  NoArguments,
  t.literal(1),
  t.never,
  () => () => TE.right(1),
);

/** `noticeStatus` of its port. */
export const NOTICE_STATUS: Method<[ConversationKey], never, NoticeStatus> = define(
  "noticeStatus",
  t.tuple([key]),
  NoticeStatus,
  t.never,
  ({ settings }) => settings.noticeStatus,
);

/** `setNoticeStatus` of its port. */
export const SET_NOTICE_STATUS: Method<
  [ConversationKey, NoticeStatus, OutboundMessage],
  never,
  void
> = define(
  "setNoticeStatus",
  t.tuple([key, NoticeStatus, OutboundMessage]),
  t.undefined,
  t.never,
  ({ settings }) => settings.setNoticeStatus,
);

/** `importStatuses` of its port. */
export const IMPORT_STATUSES: Method<
  [ReadonlyArray<readonly [ConversationKey, NoticeStatus]>],
  never,
  void
> = define(
  "importStatuses",
  t.tuple([t.readonlyArray(t.readonly(t.tuple([key, NoticeStatus])))]),
  t.undefined,
  t.never,
  ({ settings }) => settings.importStatuses,
);

/** `ready` of its port. */
export const READY: Method<[], never, void> = define(
  "ready",
  NoArguments,
  t.undefined,
  t.never,
  ({ settings }) => settings.ready,
);

/** `add` of its port. */
export const ADD: Method<[ConversationKey, OutboundMessage], never, void> = define(
  "add",
  t.tuple([key, OutboundMessage]),
  t.undefined,
  t.never,
  ({ outbox }) => outbox.add,
);

/** `claim` of its port. */
export const CLAIM: Method<[ConversationType, number, number], never, O.Option<Claim>> = define(
  "claim",
  t.tuple([type, t.number, t.number]),
  option(claim),
  t.never,
  ({ outbox }) => outbox.claim,
);

/** `settle` of its port. */
export const SETTLE: Method<[Claim, Outcome], ClaimLost, void> = define(
  "settle",
  t.tuple([claim, outcome]),
  t.undefined,
  ClaimFault,
  ({ outbox }) => outbox.settle,
);

/** `deadLetters` of its port. */
export const DEAD_LETTERS: Method<[], never, ReadonlyArray<DeadLetter>> = define(
  "deadLetters",
  NoArguments,
  t.readonlyArray(DeadLetter),
  t.never,
  ({ outbox }) => outbox.deadLetters,
);

/** `status` of its port. */
export const STATUS: Method<[number], never, OutboxStatus> = define(
  "status",
  t.tuple([t.number]),
  status,
  t.never,
  ({ outbox }) => outbox.status,
);

/** `retry` of its port. */
export const RETRY: Method<[number], never, number> = define(
  "retry",
  t.tuple([t.number]),
  t.number,
  t.never,
  ({ outbox }) => outbox.retry,
);

/** `revive` of its port. */
export const REVIVE: Method<[], never, number> = define(
  "revive",
  NoArguments,
  t.number,
  t.never,
  ({ outbox }) => outbox.revive,
);

/** `areFriends` of its port. */
export const ARE_FRIENDS: Method<[UserId, UserId], never, boolean> = define(
  "areFriends",
  t.tuple([Id, Id]),
  t.boolean,
  t.never,
  ({ relationships }) => relationships.areFriends,
);

/** `isMember` of its port. */
export const IS_MEMBER: Method<[GroupId, UserId], never, boolean> = define(
  "isMember",
  t.tuple([Id, Id]),
  t.boolean,
  t.never,
  ({ relationships }) => relationships.isMember,
);

/** `addFriends` of its port. */
export const ADD_FRIENDS: Method<[ReadonlyArray<readonly [UserId, UserId]>], never, void> = define(
  "addFriends",
  t.tuple([t.readonlyArray(t.readonly(t.tuple([Id, Id])))]),
  t.undefined,
  t.never,
  ({ relationships }) => relationships.addFriends,
);

/** `removeFriends` of its port. */
export const REMOVE_FRIENDS: Method<[UserId, UserId], never, void> = define(
  "removeFriends",
  t.tuple([Id, Id]),
  t.undefined,
  t.never,
  ({ relationships }) => relationships.removeFriends,
);

/** `friendsOf` of its port. */
export const FRIENDS_OF: Method<[UserId], never, ReadonlyArray<UserId>> = define(
  "friendsOf",
  t.tuple([Id]),
  ids,
  t.never,
  ({ relationships }) => relationships.friendsOf,
);

/** `addMembers` of its port. */
export const ADD_MEMBERS: Method<[GroupId, ReadonlyArray<UserId>], never, void> = define(
  "addMembers",
  t.tuple([Id, ids]),
  t.undefined,
  t.never,
  ({ relationships }) => relationships.addMembers,
);

/** `removeMembers` of its port. */
export const REMOVE_MEMBERS: Method<[GroupId, ReadonlyArray<UserId>], never, void> = define(
  "removeMembers",
  t.tuple([Id, ids]),
  t.undefined,
  t.never,
  ({ relationships }) => relationships.removeMembers,
);

/** `membersOf` of its port. */
export const MEMBERS_OF: Method<[GroupId], never, ReadonlyArray<UserId>> = define(
  "membersOf",
  t.tuple([Id]),
  ids,
  t.never,
  ({ relationships }) => relationships.membersOf,
);

/** What an owner serves, by name. */
export const METHODS: ReadonlyMap<string, (backend: Backend) => (args: unknown) => T.Task<Answer>> =
  new Map(
    [
      HELLO,
      NOTICE_STATUS,
      SET_NOTICE_STATUS,
      IMPORT_STATUSES,
      READY,
      ADD,
      CLAIM,
      SETTLE,
      DEAD_LETTERS,
      STATUS,
      RETRY,
      REVIVE,
      ARE_FRIENDS,
      IS_MEMBER,
      ADD_FRIENDS,
      REMOVE_FRIENDS,
      FRIENDS_OF,
      ADD_MEMBERS,
      REMOVE_MEMBERS,
      MEMBERS_OF,
    ].map(({ name, serve }) => [name, serve]),
  );
