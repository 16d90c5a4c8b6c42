/** Clients that have notices sent, in conversations where each notice can be told from the others. */
import { pipe } from "fp-ts/lib/function.js";
import * as TE from "fp-ts/lib/TaskEither.js";
import { type ConversationKey, keyOfGroup, keyOfPair } from "../../core/domain/conversation.ts";
import type { NoticeOperation, NoticeStatus } from "../../core/domain/screen-capture.ts";
import type { RelationshipDirectory } from "../../core/ports/relationships.ts";
import { id } from "../contract/expect.ts";
import { type Deployment, postJson } from "./deployment.ts";
import type { Taken } from "./fake-rongcloud.ts";
import type { ServerProcess } from "./program.ts";

/** A notice of these clients: no other of its conversation has its sender and its operation. */
export interface Notice {
  readonly conversation: ConversationKey;
  readonly sender: string;
  readonly operation: NoticeOperation;
}

/** A request that has a notice sent. */
export interface Step extends Notice {
  readonly target: { readonly conversationType: 1 | 3; readonly targetId: string };
}

/** A request, and what became of it; if it was not acknowledged, it may have been kept or not. */
export interface Asked extends Step {
  readonly outcome: "acknowledged" | "unavailable" | "no answer";
}

/** Somebody who asks for one thing after the other, each when the one before was answered. */
export interface Client {
  /** Makes the users friends and members as far as the client will come. */
  readonly enrol: (
    directory: RelationshipDirectory,
  ) => ReturnType<RelationshipDirectory["addFriends"]>;
  readonly steps: Iterator<Step, never>;
}

const OPERATIONS = ["openScreenNtf", "sendScreenNtf", "closeScreenNtf"] as const;

/** What two users can ask, each of everything that there is. */
const PAIR_STEPS = 2 * OPERATIONS.length;

const operationAt = (index: number): NoticeOperation =>
  OPERATIONS[index % OPERATIONS.length] ?? "sendScreenNtf";

const PRIVATE = 1;
const GROUP = 3;

const conversationOf = (
  conversationType: 1 | 3,
  sender: string,
  targetId: string,
): ConversationKey =>
  conversationType === GROUP ? keyOfGroup(id(targetId)) : keyOfPair(id(sender), id(targetId));

const step = (
  conversationType: 1 | 3,
  sender: string,
  targetId: string,
  operation: NoticeOperation,
): Step => ({
  conversation: conversationOf(conversationType, sender, targetId),
  sender,
  operation,
  target: { conversationType, targetId },
});

const range = (length: number): ReadonlyArray<number> =>
  Array.from({ length }, (_, index) => index);

/** A client in one group after the other, `most` requests in all; each member of a group asks once. */
export const inGroups = (name: string, members: number, most: number): Client => {
  const member = (index: number): string => `${name}-user-${index % members}`;
  const group = (index: number): string => `${name}-${Math.floor(index / members)}`;
  const all = range(members).map((index) => id(member(index)));
  const groups = range(Math.ceil(most / members)).map((index) => id(group(index * members)));
  return {
    enrol: ({ addMembers }) =>
      pipe(
        groups,
        TE.traverseArray((each) => addMembers(each, all)),
        TE.map(() => undefined),
      ),
    steps: endless((index) => step(GROUP, member(index), group(index), operationAt(index))),
  };
};

/** A client in one private conversation after the other; both users ask in turn. */
export const inPairs = (name: string, most: number): Client => {
  const user = (index: number, which: number): string =>
    `${name}-${Math.floor(index / PAIR_STEPS)}-${which % 2 === 0 ? "a" : "b"}`;
  const first = range(Math.ceil(most / PAIR_STEPS)).map((index) => index * PAIR_STEPS);
  return {
    enrol: ({ addFriends }) =>
      addFriends(first.map((index) => [id(user(index, 0)), id(user(index, 1))])),
    steps: endless((index) =>
      step(PRIVATE, user(index, index), user(index, index + 1), operationAt(index)),
    ),
  };
};

function* endless(at: (index: number) => Step): Generator<Step, never> {
  for (let index = 0; ; index += 1) {
    yield at(index);
  }
}

const SERVICE_UNAVAILABLE = 503;

const STATUSES: Readonly<Record<NoticeOperation, NoticeStatus | undefined>> = {
  openScreenNtf: 1,
  closeScreenNtf: 0,
  sendScreenNtf: undefined,
};

/** The status that a request sets, if it sets one. */
export const statusSetBy = ({ operation }: Notice): NoticeStatus | undefined => STATUSES[operation];

/** Sends the request of a step, and returns the status of the answer; `undefined`: there was none. */
export const send = async (
  server: Pick<ServerProcess, "url">,
  tokenFor: Deployment["tokenFor"],
  wanted: Step,
): Promise<number | undefined> => {
  const noticeStatus = statusSetBy(wanted);
  const token = await tokenFor(wanted.sender);
  const asking =
    noticeStatus === undefined
      ? postJson(server, "/misc/send_sc_msg", token, wanted.target)
      : postJson(server, "/misc/set_screen_capture", token, { ...wanted.target, noticeStatus });
  return asking.then(statusOf, () => undefined);
};

/** Asks a server for a step. */
export const ask = async (
  server: Pick<ServerProcess, "url">,
  tokenFor: Deployment["tokenFor"],
  wanted: Step,
): Promise<Asked> => {
  const status = await send(server, tokenFor, wanted);
  switch (status) {
    case 200:
      return { ...wanted, outcome: "acknowledged" };
    case SERVICE_UNAVAILABLE:
      return { ...wanted, outcome: "unavailable" };
    case undefined:
      return { ...wanted, outcome: "no answer" };
    default:
      throw new Error(`${wanted.conversation}: answered ${status}`);
  }
};

// Once the status is here it is an answer, also if the server dies before the rest.
const statusOf = async (response: Response): Promise<number> => {
  await response.text().catch(() => "");
  return response.status;
};

/** Has all clients ask until the server answers no more. */
export const askUntilGone = async (
  server: Pick<ServerProcess, "url">,
  tokenFor: Deployment["tokenFor"],
  clients: ReadonlyArray<Client>,
  onAnswer: (asked: Asked) => void,
): Promise<void> => {
  const work = async ({ steps }: Client): Promise<void> => {
    let answered = true;
    while (answered) {
      const asked = await ask(server, tokenFor, steps.next().value);
      answered = asked.outcome !== "no answer";
      onAnswer(asked);
    }
  };
  await Promise.all(clients.map(work));
};

/** Reads which notice RongCloud has taken. */
export const noticeIn = ({ form }: Taken): Notice => {
  const { fromUserId = "", toUserId, toGroupId = "", content = "" } = form;
  return {
    conversation:
      toUserId === undefined
        ? conversationOf(GROUP, fromUserId, toGroupId)
        : conversationOf(PRIVATE, fromUserId, toUserId),
    sender: fromUserId,
    operation: JSON.parse(content).operation,
  };
};

/** Names a notice within its conversation. */
export const nameOf = ({ sender, operation }: Notice): string => `${sender} ${operation}`;
