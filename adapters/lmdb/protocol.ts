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
  ConversationType,
  DeadLetter,
  guarded,
  Id,
  NoticeStatus,
  OutboundMessage,
  type StoreUnavailable,
  storeUnavailable,
} from "../../core/mod.ts";
import type { Backend } from "./backend.ts";
import { makeListeners } from "./listeners.ts";
import { Tally } from "./tallies.ts";

/** A question: a function's name and its arguments, as they are in JSON. */
interface Question {
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

/** An open way to the owner. */
export interface Channel {
  /** Sends a question to the owner and answers with what came back. */
  readonly send: (question: Question) => TE.TaskEither<StoreUnavailable, Answer>;
  readonly close: () => Promise<void>;
  /** Resolves when the owner hangs up. */
  readonly lost: Promise<void>;
}

/** Answers a question at the owner. */
export const serve = (backend: Backend, { method, args }: Question): T.Task<Answer> =>
  SERVED.get(method)?.(backend)(args) ??
  (async () => ({ fault: storeUnavailable(`the owner does not know ${method}`) }));

/** Asks which version of this protocol the owner speaks: that it answers, and is understood. */
export const hello = ({ send }: Channel): TE.TaskEither<StoreUnavailable, 1> =>
  METHODS.hello.ask(send)();

/** The store that another process owns, by way of a channel to it. */
export const makeJoined = ({ send, close, lost }: Channel): Backend => {
  const { subscribe, announce } = makeListeners();
  const announced =
    <Args extends ReadonlyArray<unknown>, Fault, A>(
      ask: (...args: Args) => TE.TaskEither<Fault, A>,
    ): typeof ask =>
    (...args) =>
      pipe(
        ask(...args),
        TE.chainFirstIOK(() => announce),
      );
  return {
    settings: {
      noticeStatus: METHODS.noticeStatus.ask(send),
      setNoticeStatus: announced(METHODS.setNoticeStatus.ask(send)),
      importStatuses: METHODS.importStatuses.ask(send),
      ready: METHODS.ready.ask(send),
    },
    outbox: {
      add: announced(METHODS.add.ask(send)),
      claim: METHODS.claim.ask(send),
      settle: METHODS.settle.ask(send),
      deadLetters: METHODS.deadLetters.ask(send),
      status: METHODS.status.ask(send),
      retry: announced(METHODS.retry.ask(send)),
      revive: announced(METHODS.revive.ask(send)),
      subscribe,
    },
    relationships: {
      areFriends: METHODS.areFriends.ask(send),
      isMember: METHODS.isMember.ask(send),
      addFriends: METHODS.addFriends.ask(send),
      removeFriends: METHODS.removeFriends.ask(send),
      friendsOf: METHODS.friendsOf.ask(send),
      addMembers: METHODS.addMembers.ask(send),
      removeMembers: METHODS.removeMembers.ask(send),
      membersOf: METHODS.membersOf.ask(send),
    },
    close,
    lost,
  };
};

/** One function of a port, at both ends of the wire. */
interface Method<Args extends ReadonlyArray<unknown>, Fault, A> {
  readonly name: string;
  /** At the owner: decodes the arguments and runs the function. */
  readonly serve: (backend: Backend) => (args: unknown) => T.Task<Answer>;
  /** At the others: the function, by way of who sends. */
  readonly ask: (
    send: Channel["send"],
  ) => (...args: Args) => TE.TaskEither<Fault | StoreUnavailable, A>;
}

const define = <Args extends ReadonlyArray<unknown>, A, Fault = never>(
  name: string,
  args: t.Decoder<unknown, Args>,
  value: t.Decoder<unknown, A>,
  run: (backend: Backend) => (...args: Args) => TE.TaskEither<Fault | StoreUnavailable, A>,
  /** What it may come to beside STORE_UNAVAILABLE. */
  fault: t.Decoder<unknown, Fault> = t.never,
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
  reasons: t.readonlyArray(Tally),
});

const key = t.string;
const ids = t.readonlyArray(Id);
const pair = t.tuple([Id, Id]);

const none = guarded(
  "no arguments",
  (value): value is [] => Array.isArray(value) && value.length === 0,
);

/** What an owner serves, each function by the name that it has on the wire. */
const METHODS = {
  hello: define("hello", none, t.literal(1), () => () => TE.right<never, 1>(1)),

  noticeStatus: define(
    "noticeStatus",
    t.tuple([key]),
    NoticeStatus,
    ({ settings }) => settings.noticeStatus,
  ),
  setNoticeStatus: define(
    "setNoticeStatus",
    t.tuple([key, NoticeStatus, OutboundMessage]),
    t.undefined,
    ({ settings }) => settings.setNoticeStatus,
  ),
  importStatuses: define(
    "importStatuses",
    t.tuple([t.readonlyArray(t.readonly(t.tuple([key, NoticeStatus])))]),
    t.undefined,
    ({ settings }) => settings.importStatuses,
  ),
  ready: define("ready", none, t.undefined, ({ settings }) => settings.ready),

  add: define("add", t.tuple([key, OutboundMessage]), t.undefined, ({ outbox }) => outbox.add),
  claim: define(
    "claim",
    t.tuple([ConversationType, t.number, t.number]),
    option(claim),
    ({ outbox }) => outbox.claim,
  ),
  settle: define(
    "settle",
    t.tuple([claim, outcome]),
    t.undefined,
    ({ outbox }) => outbox.settle,
    t.type({ _tag: t.literal("CLAIM_LOST") }),
  ),
  deadLetters: define(
    "deadLetters",
    none,
    t.readonlyArray(DeadLetter),
    ({ outbox }) => outbox.deadLetters,
  ),
  status: define("status", t.tuple([t.number]), status, ({ outbox }) => outbox.status),
  retry: define("retry", t.tuple([t.number]), t.number, ({ outbox }) => outbox.retry),
  revive: define("revive", none, t.number, ({ outbox }) => outbox.revive),

  areFriends: define(
    "areFriends",
    pair,
    t.boolean,
    ({ relationships }) => relationships.areFriends,
  ),
  isMember: define("isMember", pair, t.boolean, ({ relationships }) => relationships.isMember),
  addFriends: define(
    "addFriends",
    t.tuple([t.readonlyArray(t.readonly(pair))]),
    t.undefined,
    ({ relationships }) => relationships.addFriends,
  ),
  removeFriends: define(
    "removeFriends",
    pair,
    t.undefined,
    ({ relationships }) => relationships.removeFriends,
  ),
  friendsOf: define(
    "friendsOf",
    t.tuple([Id]),
    ids,
    ({ relationships }) => relationships.friendsOf,
  ),
  addMembers: define(
    "addMembers",
    t.tuple([Id, ids]),
    t.undefined,
    ({ relationships }) => relationships.addMembers,
  ),
  removeMembers: define(
    "removeMembers",
    t.tuple([Id, ids]),
    t.undefined,
    ({ relationships }) => relationships.removeMembers,
  ),
  membersOf: define(
    "membersOf",
    t.tuple([Id]),
    ids,
    ({ relationships }) => relationships.membersOf,
  ),
};

const SERVED: ReadonlyMap<string, (backend: Backend) => (args: unknown) => T.Task<Answer>> =
  new Map(Object.values(METHODS).map(({ name, serve }) => [name, serve]));
