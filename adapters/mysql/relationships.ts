import { sequenceT } from "fp-ts/lib/Apply.js";
import { pipe } from "fp-ts/lib/function.js";
import * as O from "fp-ts/lib/Option.js";
import * as TE from "fp-ts/lib/TaskEither.js";
import * as t from "io-ts";
import type { Id, Relationships, StoreUnavailable } from "../../core/mod.ts";
import type { Connection } from "./connection.ts";
import { integerOf } from "./ids.ts";

// SealTalk keeps a row for each side, and who ends a friendship changes their own alone: it holds
// while both say so (20), or whom somebody has removed or blocked could go on writing to them.
const FRIENDS = `SELECT
  EXISTS (SELECT 1 FROM friendships WHERE userId = ? AND friendId = ? AND status = 20)
  AND EXISTS (SELECT 1 FROM friendships WHERE userId = ? AND friendId = ? AND status = 20) AS found`;

const MEMBER = `SELECT
  EXISTS (SELECT 1 FROM group_members WHERE groupId = ? AND memberId = ? AND isDeleted = 0) AS found`;

const Found = t.readonlyArray(t.type({ found: t.union([t.literal(0), t.literal(1)]) }));

/** Who knows whom in SealTalk's tables, and whether these can be asked. */
export interface MysqlRelationships {
  readonly relationships: Relationships;
  readonly ready: () => TE.TaskEither<StoreUnavailable, void>;
}

/** Reads `friendships` and `group_members`. */
export const makeRelationships = ({ ask }: Connection): MysqlRelationships => {
  const find = (
    sql: string,
    values: ReadonlyArray<number>,
  ): TE.TaskEither<StoreUnavailable, boolean> =>
    pipe(
      ask(sql, values, Found),
      TE.map((rows) => rows.some(({ found }) => found === 1)),
    );

  /** Asks about two ids, unless one of them is nobody's in this database. */
  const ofBoth = (
    one: Id,
    other: Id,
    question: (one: number, other: number) => TE.TaskEither<StoreUnavailable, boolean>,
  ): TE.TaskEither<StoreUnavailable, boolean> =>
    pipe(
      sequenceT(O.Apply)(integerOf(one), integerOf(other)),
      O.match(
        () => TE.right(false),
        (both) => question(...both),
      ),
    );

  const areFriends = (a: number, b: number): TE.TaskEither<StoreUnavailable, boolean> =>
    a === b ? TE.right(false) : find(FRIENDS, [a, b, b, a]);

  const isMember = (group: number, user: number): TE.TaskEither<StoreUnavailable, boolean> =>
    find(MEMBER, [group, user]);

  return {
    relationships: {
      areFriends: (user, other) => ofBoth(user, other, areFriends),
      isMember: (group, user) => ofBoth(group, user, isMember),
    },
    // About nobody: what fails is the way there, a table or a right.
    ready: () =>
      pipe(
        find(FRIENDS, [0, 0, 0, 0]),
        TE.apSecond(find(MEMBER, [0, 0])),
        TE.map(() => undefined),
      ),
  };
};
