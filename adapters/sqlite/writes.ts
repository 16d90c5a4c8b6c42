import type {
  ConversationKey,
  ConversationType,
  DeadLetter,
  Id,
  NoticeStatus,
  StoreRecord,
} from "../../core/mod.ts";
import {
  type Connection,
  explain,
  isConstraint,
  isDamage,
  type Row,
  type Value,
} from "./driver.ts";

/** A notice on its way into a queue. `notice` is the message as JSON. */
export interface NewNotice {
  readonly conversation: ConversationKey;
  readonly type: ConversationType;
  readonly notice: string;
  readonly attempts: number;
  readonly storedAt: number;
  /** When the notice may be claimed. Used only if its conversation has no other notice. */
  readonly dueAt: number;
  /** Why it was postponed. Used only if its conversation has no other notice. */
  readonly reason: string | null;
}

/** The end of a claim. `at`: now; `until`: when a postponed notice is due. */
export interface Settlement {
  readonly conversation: ConversationKey;
  readonly token: number;
  readonly outcome: "DELIVERED" | "POSTPONED" | "DEAD";
  readonly reason: string;
  readonly at: number;
  readonly until: number;
}

/** The result of one page of a long change: the changed rows, and where the next page begins. */
export interface Page<Cursor> {
  readonly done: number;
  readonly next: Cursor | null;
}

/** The position of a queue in the order in which queues are due. */
export interface Turn {
  readonly type: ConversationType;
  readonly dueAt: number;
  readonly conversation: ConversationKey;
}

// Rows of one page. A page keeps the write lock for about ten milliseconds.
const PAGE = 500;

// How many damaged rows a claim skips to find a conversation that it can lease.
const MAX_DAMAGED = 16;

const APPEND = `
  INSERT INTO notices (conversation, position, notice, attempts, stored_at)
  SELECT ?1, coalesce(max(position), 0) + 1, ?2, ?3, ?4 FROM notices WHERE conversation = ?1`;

const HEAD = "SELECT min(position) FROM notices WHERE conversation = ?1";

/** The result of a claim: a row that is not decoded yet, or why the head cannot be claimed. */
export type ClaimRow = Row | { readonly fault: string } | null;

/** The changes of the store's rows, each for use within a transaction. */
export interface Writes {
  /** Appends a notice and, unless it is null, sets a status. */
  readonly add: (entry: NewNotice, status: NoticeStatus | null) => void;
  readonly importStatuses: (some: ReadonlyArray<readonly [ConversationKey, NoticeStatus]>) => void;
  readonly claim: (type: ConversationType, at: number, until: number) => ClaimRow;
  /** Ends a claim. Returns false if the conversation's claim has another token. */
  readonly settle: (settlement: Settlement) => boolean;
  /** Makes one page of postponed queues due at `at`. The page begins after the queue `after`. */
  readonly retry: (at: number, after: Turn) => Page<Turn>;
  /** Puts one page of the dead letters up to `last` back into their queues. */
  readonly revive: (last: number, at: number) => Page<number>;
  readonly addFriends: (pairs: ReadonlyArray<readonly [Id, Id]>) => void;
  readonly removeFriends: (user: Id, friend: Id) => void;
  readonly addMembers: (group: Id, users: ReadonlyArray<Id>) => void;
  readonly removeMembers: (group: Id, users: ReadonlyArray<Id>) => void;
  /** Writes the records of an export that were not written before. */
  readonly receive: (exportId: string, first: number, records: ReadonlyArray<StoreRecord>) => void;
  /** Writes a number, to check that the store can write. */
  readonly probe: () => void;
}

/** Makes the changes for a connection to the file `path`. */
export const makeWrites = (connection: Connection, path: string): Writes => {
  const run = (sql: string, ...parameters: ReadonlyArray<Value>): number =>
    Number(connection.prepare(sql).run(...parameters).changes);

  /** Changes a count. Leaves a damaged count as it is, because no notice depends on it. */
  const count = (state: string, reason: string, by: number): void => {
    try {
      run(
        "INSERT INTO counts VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET count = count + excluded.count",
        state,
        reason,
        by,
      );
    } catch (fault) {
      if (!isConstraint(fault)) {
        throw fault;
      }
    }
  };

  const append = (entry: NewNotice): void => {
    const { conversation, type, notice, attempts, storedAt, dueAt, reason } = entry;
    run(APPEND, conversation, notice, attempts, storedAt);
    count("waiting", "", 1);
    const isFirst =
      run(
        "INSERT INTO queues (conversation, type, due_at, reason) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
        conversation,
        type,
        dueAt,
        reason,
      ) > 0;
    if (isFirst && reason !== null) {
      count("postponed", reason, 1);
    }
  };

  const setStatus = (
    column: "status" | "imported",
    conversation: ConversationKey,
    status: NoticeStatus,
  ): void => {
    run(
      `INSERT INTO statuses (conversation, ${column}) VALUES (?, ?)
       ON CONFLICT DO UPDATE SET ${column} = excluded.${column}`,
      conversation,
      status,
    );
  };

  const addDeadLetter = (letter: DeadLetter): void => {
    const { conversation, notice, reason, attempts, storedAt, diedAt } = letter;
    run(
      `INSERT INTO dead_letters (conversation, type, notice, reason, attempts, stored_at, died_at)
       VALUES (?, ?, ?, ?, ?, ?, ?)`,
      ...[conversation, notice.conversationType, JSON.stringify(notice)],
      ...[reason, attempts, storedAt, diedAt],
    );
    count("dead", reason, 1);
  };

  const settle: Writes["settle"] = ({ conversation, token, outcome, reason, at, until }) => {
    const queue = connection
      .prepare("SELECT reason FROM queues WHERE conversation = ? AND token = ? AND token > 0")
      .get(conversation, token);
    if (queue === undefined) {
      return false;
    }
    if (typeof queue.reason === "string") {
      count("postponed", queue.reason, -1);
    }
    if (outcome === "POSTPONED") {
      count("postponed", reason, 1);
      run(
        `UPDATE notices SET attempts = attempts + 1 WHERE conversation = ?1 AND position = (${HEAD})`,
        conversation,
      );
      run(
        "UPDATE queues SET due_at = ?, token = 0, reason = ? WHERE conversation = ?",
        until,
        reason,
        conversation,
      );
      return true;
    }
    if (outcome === "DEAD") {
      run(
        `INSERT INTO dead_letters (conversation, type, notice, reason, attempts, stored_at, died_at)
         SELECT q.conversation, q.type, n.notice, ?2, n.attempts + 1, n.stored_at, ?3
         FROM queues q JOIN notices n USING (conversation)
         WHERE q.conversation = ?1 AND n.position = (${HEAD})`,
        conversation,
        reason,
        at,
      );
      count("dead", reason, 1);
    }
    run(`DELETE FROM notices WHERE conversation = ?1 AND position = (${HEAD})`, conversation);
    count("waiting", "", -1);
    const hasNext =
      run(
        `UPDATE queues SET due_at = ?2, token = 0, reason = NULL
         WHERE conversation = ?1 AND EXISTS (SELECT 1 FROM notices WHERE conversation = ?1)`,
        conversation,
        at,
      ) > 0;
    if (!hasNext) {
      run("DELETE FROM queues WHERE conversation = ?", conversation);
    }
    return true;
  };

  /**
   * Settles a claim and undoes the changes, to check that the claim can be settled. A notice whose
   * claim cannot be settled, because a row or a page is damaged, would be sent again on each lease.
   *
   * @throws the error of the settling, and an Error if the claim is not found.
   */
  const rehearse = (settlement: Settlement): void => {
    run("SAVEPOINT rehearsal");
    try {
      if (!settle(settlement)) {
        throw new Error(`The queue of ${settlement.conversation} is damaged.`);
      }
    } catch (fault) {
      if (isDamage(fault)) {
        // The claim will be committed; the changes before the fault must not be.
        undoRehearsal();
      }
      throw fault;
    }
    undoRehearsal();
  };

  const undoRehearsal = (): void => {
    run("ROLLBACK TO rehearsal");
    run("RELEASE rehearsal");
  };

  /**
   * Leases the conversation behind the first `skipped` ones that are due, and answers its token. The
   * row must be due too, and not only its entry in the index: with a damaged index one notice would
   * be claimed again and again.
   */
  const lease = (type: ConversationType, at: number, until: number, skipped: number) => {
    const due = connection
      .prepare(
        `SELECT conversation FROM queues WHERE type = ? AND due_at <= ?
         ORDER BY due_at LIMIT 1 OFFSET ?`,
      )
      .get(type, at, skipped);
    if (due === undefined) {
      return undefined;
    }
    const conversation = String(due.conversation);
    const token = connection
      .prepare(
        `UPDATE queues SET due_at = ?1, token = (SELECT value + 1 FROM numbers WHERE name = 'token')
         WHERE conversation = ?2 AND type = ?3 AND due_at <= ?4 RETURNING token`,
      )
      .get(until, conversation, type, at)?.token;
    if (typeof token !== "number") {
      throw new Error("A row in queues is damaged.");
    }
    run("UPDATE numbers SET value = value + 1 WHERE name = 'token'");
    return { conversation, token };
  };

  /** Leases the first conversation that is due. Those whose rows are damaged do not block the others. */
  const leaseFirst = (type: ConversationType, at: number, until: number) => {
    const faults: unknown[] = [];
    while (faults.length < MAX_DAMAGED) {
      try {
        const leased = lease(type, at, until, faults.length);
        if (leased === undefined && faults.length > 0) {
          break;
        }
        return leased;
      } catch (fault) {
        if (!isDamage(fault)) {
          throw fault;
        }
        faults.push(fault);
      }
    }
    throw faults[0];
  };

  const claim: Writes["claim"] = (type, at, until) => {
    const leased = leaseFirst(type, at, until);
    if (leased === undefined) {
      return null;
    }
    const { conversation, token } = leased;
    try {
      const head = connection
        .prepare(
          `SELECT notice, attempts, stored_at AS storedAt FROM notices
         WHERE conversation = ?1 AND position = (${HEAD})`,
        )
        .get(conversation);
      if (head === undefined) {
        throw new Error(`The queue of ${conversation} has no notices.`);
      }
      // Read all counts: the outcome may change any of them, and would fail if one cannot be read.
      connection.prepare("SELECT max(state), max(reason), total(count) FROM counts").get();
      // DELIVERED needs no rehearsal of its own: its changes are some of those of DEAD.
      for (const outcome of ["POSTPONED", "DEAD"] as const) {
        rehearse({ conversation, token, outcome, reason: "", at, until });
      }
      return { conversation, token, ...head };
    } catch (fault) {
      if (!isDamage(fault)) {
        throw fault;
      }
      // Keep the lease, so that other conversations are claimed before this one is tried again.
      return { fault: explain(path, fault) };
    }
  };

  const retry: Writes["retry"] = (at, after) => {
    const rows = connection
      .prepare(
        `SELECT conversation, due_at AS dueAt, token FROM queues
       WHERE type = ? AND (due_at, conversation) > (?, ?)
       ORDER BY due_at, conversation LIMIT ${PAGE}`,
      )
      .all(after.type, after.dueAt, after.conversation);
    let done = 0;
    let next = after;
    for (const { conversation, dueAt, token } of rows) {
      next = { type: after.type, conversation: String(conversation), dueAt: Number(dueAt) };
      done +=
        token === 0
          ? run("UPDATE queues SET due_at = ? WHERE conversation = ?", at, next.conversation)
          : 0;
    }
    return { done, next: rows.length < PAGE ? null : next };
  };

  const revive: Writes["revive"] = (last, at) => {
    const rows = connection
      .prepare(
        `SELECT id, conversation, type, notice, reason, attempts, stored_at AS storedAt
       FROM dead_letters WHERE id <= ? ORDER BY died_at, id LIMIT ${PAGE}`,
      )
      .all(last);
    for (const row of rows) {
      append({
        conversation: String(row.conversation),
        type: row.type === "GROUP" ? "GROUP" : "PRIVATE",
        notice: String(row.notice),
        attempts: Number(row.attempts),
        storedAt: Number(row.storedAt),
        dueAt: at,
        reason: null,
      });
      count("dead", String(row.reason), -1);
      run("DELETE FROM dead_letters WHERE id = ?", Number(row.id));
    }
    return { done: rows.length, next: rows.length < PAGE ? null : last };
  };

  const befriend = (user: Id, friend: Id): void => {
    const sql = "INSERT INTO friends VALUES (?, ?) ON CONFLICT DO NOTHING";
    run(sql, user, friend);
    run(sql, friend, user);
  };

  const join = (group: Id, user: Id): void => {
    run("INSERT INTO members VALUES (?, ?) ON CONFLICT DO NOTHING", group, user);
  };

  const store = (record: StoreRecord): void => {
    switch (record._tag) {
      case "FRIENDS":
        befriend(record.user, record.friend);
        break;
      case "MEMBER":
        join(record.group, record.user);
        break;
      case "STATUS":
        setStatus(record.imported ? "imported" : "status", record.conversation, record.status);
        break;
      case "NOTICE":
        append({
          ...record,
          type: record.notice.conversationType,
          notice: JSON.stringify(record.notice),
          reason: record.reason ?? null,
        });
        break;
      case "DEAD_LETTER":
        addDeadLetter(record.letter);
    }
  };

  return {
    add: (entry, status) => {
      append(entry);
      if (status !== null) {
        setStatus("status", entry.conversation, status);
      }
    },
    importStatuses: (some) => {
      for (const [conversation, status] of some) {
        setStatus("imported", conversation, status);
      }
    },
    claim,
    settle,
    retry,
    revive,
    addFriends: (pairs) => {
      for (const [user, friend] of pairs) {
        befriend(user, friend);
      }
    },
    removeFriends: (user, friend) => {
      run("DELETE FROM friends WHERE (user, friend) IN (VALUES (?1, ?2), (?2, ?1))", user, friend);
    },
    addMembers: (group, users) => {
      for (const user of users) {
        join(group, user);
      }
    },
    removeMembers: (group, users) => {
      for (const user of users) {
        run("DELETE FROM members WHERE group_id = ? AND user = ?", group, user);
      }
    },
    receive: (exportId, first, records) => {
      const row = connection
        .prepare("SELECT records FROM received WHERE export_id = ?")
        .get(exportId);
      const received = Number(row?.records ?? 0);
      records.slice(Math.max(0, received - first)).forEach(store);
      run(
        `INSERT INTO received VALUES (?, ?)
         ON CONFLICT DO UPDATE SET records = max(records, excluded.records)`,
        exportId,
        first + records.length,
      );
    },
    probe: () => {
      run("UPDATE numbers SET value = value + 1 WHERE name = 'probe'");
    },
  };
};
