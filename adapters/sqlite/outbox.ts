import * as E from "fp-ts/lib/Either.js";
import { pipe } from "fp-ts/lib/function.js";
import * as O from "fp-ts/lib/Option.js";
import * as RA from "fp-ts/lib/ReadonlyArray.js";
import * as TE from "fp-ts/lib/TaskEither.js";
import * as t from "io-ts";
import {
  type Claim,
  type ClaimLost,
  CONVERSATION_TYPES,
  type ConversationKey,
  ConversationType,
  type DeadLetter,
  type NoticeStatus,
  type OutboundMessage,
  type Outbox,
  type OutboxStatus,
  type StoreUnavailable,
  storeUnavailable,
} from "../../core/mod.ts";
import { decodeMessage, decodeRow, type SqliteFile } from "./file.ts";
import type { Attempted, Query } from "./reader.ts";
import type { Page, Turn } from "./writes.ts";

/** The outbox, and what the settings need of it. */
export interface SqliteOutbox {
  readonly outbox: Outbox;
  /** Appends a notice and, unless it is null, sets a status, as one change. */
  readonly addNotice: (
    conversation: ConversationKey,
    notice: OutboundMessage,
    status: NoticeStatus | null,
  ) => TE.TaskEither<StoreUnavailable, void>;
}

const Waiting = {
  conversation: t.string,
  notice: t.string,
  attempts: t.number,
  storedAt: t.number,
};

const ClaimRow = t.union([
  t.null,
  t.type({ fault: t.string }),
  t.type({ ...Waiting, token: t.number }),
]);

const DeadRow = t.type({ ...Waiting, reason: t.string, diedAt: t.number });

const CountRow = t.type({
  state: t.union([t.literal("waiting"), t.literal("postponed"), t.literal("dead")]),
  reason: t.string,
  count: t.number,
});

const StatusRow = t.type({ oldest: t.union([t.number, t.null]), inFlight: t.number });

const TurnRow: t.Type<Turn, unknown, unknown> = t.type({
  type: ConversationType,
  dueAt: t.number,
  conversation: t.string,
});

/** Makes the codec for the result of one page of a long change. */
const pageOf = <Cursor>(cursor: t.Type<Cursor, unknown, unknown>) =>
  t.type({ done: t.number, next: t.union([cursor, t.null]) });

const DEAD_LETTERS = `
  SELECT conversation, notice, reason, attempts, stored_at AS storedAt, died_at AS diedAt
  FROM dead_letters ORDER BY died_at, id`;

/** The outbox on an open file. */
export const makeOutbox = ({ read, write }: SqliteFile, now: () => number): SqliteOutbox => {
  const listeners = new Set<() => void>();
  const announce = (): void => {
    for (const listener of listeners) {
      listener();
    }
  };

  const addNotice: SqliteOutbox["addNotice"] = (conversation, notice, status) =>
    pipe(
      TE.fromIO(now),
      TE.chain((at) =>
        write(
          "add",
          {
            conversation,
            type: notice.conversationType,
            notice: JSON.stringify(notice),
            attempts: 0,
            storedAt: at,
            dueAt: at,
            reason: null,
          },
          status,
        ),
      ),
      TE.map(announce),
    );

  // Read first: the relay polls an idle outbox often, and a write locks the file for all processes.
  const isAnyDue = (type: ConversationType, at: number) =>
    read((query) =>
      E.right(
        query("SELECT 1 FROM queues WHERE type = ? AND due_at <= ? LIMIT 1").get(type, at) !==
          undefined,
      ),
    );

  const claim: Outbox["claim"] = (type, at, leaseUntil) =>
    pipe(
      isAnyDue(type, at),
      TE.chain((due) => (due ? write("claim", type, at, leaseUntil) : TE.right(null))),
      TE.chainEitherK(decodeRow("queues", ClaimRow)),
      TE.chainEitherK((row) => claimOf(row, leaseUntil)),
    );

  const settle: Outbox["settle"] = ({ conversation, token }, outcome) =>
    pipe(
      write("settle", {
        conversation,
        token,
        outcome: outcome._tag,
        reason: outcome._tag === "DELIVERED" ? "" : outcome.reason,
        until: outcome._tag === "POSTPONED" ? outcome.until : 0,
        at: now(),
      }),
      TE.filterOrElseW(
        (settled) => settled === true,
        (): ClaimLost => ({ _tag: "CLAIM_LOST" }),
      ),
      TE.map(() => undefined),
    );

  /** Makes a long change page by page, so that other processes get the lock in between. */
  const inPages = <Cursor>(
    codec: t.Type<Cursor, unknown, unknown>,
    change: (from: Cursor) => TE.TaskEither<StoreUnavailable, unknown>,
    first: Cursor,
  ): TE.TaskEither<StoreUnavailable, number> => {
    const decode = decodeRow("queues", pageOf(codec));
    return async () => {
      let sum = 0;
      let next: Cursor | null = first;
      while (next !== null) {
        const page: Attempted<Page<Cursor>> = pipe(await change(next)(), E.chain(decode));
        if (E.isLeft(page)) {
          return page;
        }
        sum += page.right.done;
        next = page.right.next;
        announce();
      }
      return E.right(sum);
    };
  };

  return {
    addNotice,
    outbox: {
      add: (conversation, notice) => addNotice(conversation, notice, null),
      claim,
      settle,
      deadLetters: () =>
        read((query) => pipe(query(DEAD_LETTERS).all(), E.traverseArray(deadLetterOf))),
      status: (at) => read((query) => statusIn(query, at)),
      retry: (at) =>
        pipe(
          CONVERSATION_TYPES,
          TE.traverseSeqArray((type) =>
            inPages(TurnRow, (after) => write("retry", at, after), {
              type,
              dueAt: at + 1,
              conversation: "",
            }),
          ),
          TE.map(RA.reduce(0, (sum, done) => sum + done)),
        ),
      revive: () =>
        pipe(
          // Stop at the last dead letter of now: notices may die again meanwhile, without end.
          read((query) =>
            E.right(query("SELECT max(id) AS last FROM dead_letters").get()?.last ?? 0),
          ),
          TE.chainEitherK(decodeRow("dead_letters", t.number)),
          TE.chain((last) => inPages(t.number, (upTo) => write("revive", upTo, now()), last)),
        ),
      subscribe: (listener) =>
        TE.fromIO(() => {
          listeners.add(listener);
          return () => {
            listeners.delete(listener);
          };
        }),
    },
  };
};

const claimOf = (
  row: t.TypeOf<typeof ClaimRow>,
  leaseUntil: number,
): Attempted<O.Option<Claim>> => {
  if (row === null) {
    return E.right(O.none);
  }
  if ("fault" in row) {
    return E.left(storeUnavailable(row.fault));
  }
  const { conversation, token, attempts, storedAt } = row;
  return pipe(
    decodeMessage("notices", row.notice),
    E.map((notice) => O.some({ conversation, token, notice, attempts, storedAt, leaseUntil })),
  );
};

/** Decodes a row of the dead letters. */
export const deadLetterOf = (row: unknown): Attempted<DeadLetter> =>
  pipe(
    decodeRow("dead_letters", DeadRow)(row),
    E.chain(({ conversation, reason, attempts, storedAt, diedAt, ...dead }) =>
      pipe(
        decodeMessage("dead_letters", dead.notice),
        E.map((notice) => ({ conversation, notice, reason, attempts, storedAt, diedAt })),
      ),
    ),
  );

const statusIn = (query: Query, at: number): Attempted<OutboxStatus> =>
  pipe(
    E.Do,
    E.apS(
      "counts",
      pipe(
        query("SELECT state, reason, count FROM counts WHERE count > 0").all(),
        E.traverseArray(decodeRow("counts", CountRow)),
      ),
    ),
    E.apS(
      "row",
      decodeRow(
        "queues",
        StatusRow,
      )(
        query(
          `SELECT (SELECT min(stored_at) FROM notices) AS oldest,
                  (SELECT count(*) FROM queues WHERE token > 0 AND due_at > ?) AS inFlight`,
        ).get(at),
      ),
    ),
    E.map(({ counts, row: { oldest, inFlight } }) => ({
      pending: sumOf(counts, "waiting"),
      oldest: O.fromNullable(oldest),
      inFlight,
      dead: sumOf(counts, "dead"),
      reasons: counts.flatMap(({ state, reason, count }) =>
        state === "waiting" ? [] : { state, reason, count },
      ),
    })),
  );

const sumOf = (counts: ReadonlyArray<t.TypeOf<typeof CountRow>>, state: string): number =>
  counts.reduce((sum, one) => sum + (one.state === state ? one.count : 0), 0);
