import { sequenceT } from "fp-ts/lib/Apply.js";
import * as E from "fp-ts/lib/Either.js";
import { flow, pipe } from "fp-ts/lib/function.js";
import * as O from "fp-ts/lib/Option.js";
import * as RA from "fp-ts/lib/ReadonlyArray.js";
import * as TE from "fp-ts/lib/TaskEither.js";
import * as t from "io-ts";
import {
  type ConversationKey,
  type GroupId,
  Id,
  keyOfGroup,
  keyOfPair,
  NoticeStatus,
  type StoreUnavailable,
  type UserId,
} from "../../core/mod.ts";
import type { Connection } from "./connection.ts";
import { integerOf } from "./ids.ts";

/** A row of a table: what it says, or why that is no use here. */
export interface Row<A> {
  readonly id: number;
  readonly content: E.Either<string, A>;
}

/** A table, to be read from its first row to its last without holding it. */
export interface Table<A> {
  /** The rows that follow this id in ascending order of theirs, 1,000 at most; none: that was all. */
  readonly after: (id: number) => TE.TaskEither<StoreUnavailable, ReadonlyArray<Row<A>>>;
  /** The greatest id, 0 if there is none. */
  readonly lastId: () => TE.TaskEither<StoreUnavailable, number>;
}

/** SealTalk's tables, for who takes over what is in them. */
export interface Tables {
  /** Two who are friends. Each friendship has two rows: one of each for the other. */
  readonly friendships: Table<readonly [UserId, UserId]>;
  readonly groupMembers: Table<readonly [GroupId, UserId]>;
  readonly screenStatuses: Table<readonly [ConversationKey, NoticeStatus]>;
}

const ROWS_AT_ONCE = 1_000;

// The same join as the question whether two are friends, for the same reason.
const FRIENDSHIPS = `SELECT one.id, one.userId, one.friendId, one.status, other.status AS answer
  FROM friendships one
  LEFT JOIN friendships other ON other.userId = one.friendId AND other.friendId = one.userId
  WHERE one.id > ? ORDER BY one.id LIMIT ${ROWS_AT_ONCE}`;

const GROUP_MEMBERS = `SELECT id, groupId, memberId, isDeleted
  FROM group_members WHERE id > ? ORDER BY id LIMIT ${ROWS_AT_ONCE}`;

const SCREEN_STATUSES = `SELECT id, operateId, conversationType, status
  FROM screen_statuses WHERE id > ? ORDER BY id LIMIT ${ROWS_AT_ONCE}`;

const Friendship = t.type({
  userId: t.number,
  friendId: t.number,
  status: t.number,
  answer: t.union([t.number, t.null]),
});

const GroupMember = t.type({ groupId: t.number, memberId: t.number, isDeleted: t.number });

const ScreenStatus = t.type({
  operateId: t.string,
  conversationType: t.number,
  status: t.number,
});

const Numbered = t.readonlyArray(t.type({ id: t.number }));

const Last = t.readonlyArray(t.type({ last: t.union([t.number, t.null]) }));

const YES = 20;

/** Reads `friendships`, `group_members` and `screen_statuses` from end to end. */
export const makeTables = ({ ask }: Connection): Tables => {
  const table = <Columns, A>(
    name: string,
    sql: string,
    columns: t.Decoder<unknown, Columns>,
    contentOf: (columns: Columns) => E.Either<string, A>,
  ): Table<A> => ({
    after: (id) =>
      pipe(
        ask(sql, [id], Numbered),
        TE.map(
          RA.map((row) => ({
            id: row.id,
            content: pipe(
              columns.decode(row),
              E.mapLeft(() => "a column is not of the type that SealTalk gives it"),
              E.chain(contentOf),
            ),
          })),
        ),
      ),
    lastId: () =>
      pipe(
        ask(`SELECT MAX(id) AS last FROM ${name}`, [], Last),
        TE.map((rows) => rows[0]?.last ?? 0),
      ),
  });
  return {
    friendships: table("friendships", FRIENDSHIPS, Friendship, friendsIn),
    groupMembers: table("group_members", GROUP_MEMBERS, GroupMember, memberIn),
    screenStatuses: table("screen_statuses", SCREEN_STATUSES, ScreenStatus, statusIn),
  };
};

const friendsIn = ({
  userId,
  friendId,
  status,
  answer,
}: t.TypeOf<typeof Friendship>): E.Either<string, readonly [UserId, UserId]> => {
  if (userId === friendId) {
    return E.left("nobody is their own friend");
  }
  if (status !== YES) {
    return E.left(`status is not ${YES}`);
  }
  return answer === YES
    ? idsOf(String(userId), String(friendId))
    : E.left(`the other's row is not there, or its status is not ${YES}`);
};

const memberIn = ({
  groupId,
  memberId,
  isDeleted,
}: t.TypeOf<typeof GroupMember>): E.Either<string, readonly [GroupId, UserId]> =>
  isDeleted === 0 ? idsOf(String(groupId), String(memberId)) : E.left("isDeleted is not 0");

const statusIn = ({
  operateId,
  conversationType,
  status,
}: t.TypeOf<typeof ScreenStatus>): E.Either<string, readonly [ConversationKey, NoticeStatus]> =>
  pipe(
    conversationOf(conversationType, operateId),
    E.bindTo("conversation"),
    E.bind("status", () =>
      pipe(
        NoticeStatus.decode(status),
        E.mapLeft(() => "status is neither 0 nor 1"),
      ),
    ),
    E.map((kept) => [kept.conversation, kept.status]),
  );

const conversationOf = (type: number, operateId: string): E.Either<string, ConversationKey> => {
  const [one = "", other = ""] = operateId.split("_");
  switch (type) {
    case 1:
      // SealTalk writes the smaller id first, and reads no other row.
      return operateId === `${one}_${other}` && Number(one) < Number(other)
        ? pipe(
            idsOf(one, other),
            E.map((users) => keyOfPair(...users)),
          )
        : E.left("operateId is not two ids, the smaller one first, joined by _");
    case 3:
      return pipe(idOf(operateId), E.map(keyOfGroup));
    default:
      return E.left("conversationType is neither 1 nor 3");
  }
};

const idsOf = (one: string, other: string): E.Either<string, readonly [Id, Id]> =>
  sequenceT(E.Apply)(idOf(one), idOf(other));

const idOf = (text: string): E.Either<string, Id> =>
  pipe(
    text,
    E.fromPredicate(Id.is, () => NO_ID),
    E.filterOrElse(flow(integerOf, O.isSome), () => NO_ID),
  );

const NO_ID = "an id is not an integer from 1 to 4294967295";
