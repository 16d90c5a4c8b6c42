import assert from "node:assert/strict";
import * as O from "fp-ts/lib/Option.js";
import * as TE from "fp-ts/lib/TaskEither.js";
import {
  type ImportableSettings,
  MAX_BATCH_RECORDS,
  type Outbox,
  type OutboxStatus,
  type RelationshipDirectory,
  StoreRecord,
  type StoreTransfer,
} from "../../core/mod.ts";
import type { Contract } from "./contract.ts";
import { id, succeed } from "./expect.ts";
import { assertNothingDue, type Clock, claim, drain, noticeFrom, senders } from "./fixtures.ts";

/** The ports of one store. */
export interface TransferStore {
  readonly settings: ImportableSettings;
  readonly outbox: Outbox;
  readonly relationships: RelationshipDirectory;
  readonly transfer: StoreTransfer;
}

/** Two stores of one kind, and the clock that both go by; it stands at 0. */
export interface TransferSubject {
  readonly from: TransferStore;
  readonly to: TransferStore;
  readonly clock: Clock;
}

const EXPORT = "0f9c1b52-export";

/** Reads every record of a store. */
export const readRecords = async ({
  transfer,
}: Pick<TransferStore, "transfer">): Promise<ReadonlyArray<StoreRecord>> => {
  const records: StoreRecord[] = [];
  for await (const page of transfer.read()) {
    records.push(...(await succeed(TE.fromEither(page))));
  }
  return records;
};

const batchesOf = (
  records: ReadonlyArray<StoreRecord>,
  size: number,
): ReadonlyArray<readonly [first: number, ReadonlyArray<StoreRecord>]> =>
  Array.from({ length: Math.ceil(records.length / size) }, (_, index) => [
    index * size,
    records.slice(index * size, (index + 1) * size),
  ]);

/** Writes records in batches, as a file that was read back has them. */
const writeAll = async (
  { transfer }: TransferStore,
  records: ReadonlyArray<StoreRecord>,
  size = MAX_BATCH_RECORDS,
): Promise<void> => {
  for (const [first, batch] of batchesOf(records, size)) {
    const read: unknown = JSON.parse(JSON.stringify(batch.map(StoreRecord.encode)));
    assert.ok(Array.isArray(read) && read.every(StoreRecord.is), "records that JSON cannot hold");
    await succeed(transfer.write(EXPORT, first, read));
  }
};

const move = async ({ from, to }: TransferSubject): Promise<ReadonlyArray<StoreRecord>> => {
  const records = await readRecords(from);
  await writeAll(to, records);
  return records;
};

const addAll = async (
  outbox: Outbox,
  conversation: string,
  names: ReadonlyArray<string>,
): Promise<void> => {
  for (const name of names) {
    await succeed(outbox.add(conversation, noticeFrom(name)));
  }
};

/** The status, its reasons in an order that the port does not promise. */
const statusOf = async (outbox: Outbox, now: number): Promise<OutboxStatus> => {
  const status = await succeed(outbox.status(now));
  return {
    ...status,
    reasons: [...status.reasons].sort((a, b) => (a.state < b.state ? 1 : -1)),
  };
};

/** Records in an order that does not depend on the store; those of a conversation keep theirs. */
const arranged = (records: ReadonlyArray<StoreRecord>): ReadonlyArray<StoreRecord> => {
  const keyOf = (record: StoreRecord): string => {
    switch (record._tag) {
      case "FRIENDS":
        return `1 ${record.user} ${record.friend}`;
      case "MEMBER":
        return `2 ${record.group} ${record.user}`;
      case "STATUS":
        return `3 ${record.conversation}`;
      case "NOTICE":
        return `4 ${record.conversation}`;
      case "DEAD_LETTER":
        return `5 ${record.letter.conversation}`;
    }
  };
  return records
    .map((record) => [keyOf(record), record] as const)
    .sort(([a], [b]) => (a < b ? -1 : Number(a > b)))
    .map(([, record]) => record);
};

const [a, b, c, g] = [id("a"), id("b"), id("c"), id("g")];

const namesOf = (prefix: string, length: number): ReadonlyArray<string> =>
  Array.from({ length }, (_, index) => `${prefix}${index}`);

/** Everything that a store can hold; the clock stands at 400 afterwards. */
const fill = async ({ settings, outbox, relationships }: TransferStore, clock: Clock) => {
  await succeed(
    relationships.addFriends([
      [b, a],
      [a, c],
      [c, b],
    ]),
  );
  await succeed(relationships.addMembers(g, [a, b]));
  await succeed(relationships.addMembers(c, [c]));
  await succeed(
    settings.importStatuses([
      ["group:imported", 1],
      ["group:set", 0],
    ]),
  );
  await succeed(settings.setNoticeStatus("group:set", 1, noticeFrom("set")));
  await drain(outbox);
  for (const [at, name] of ["dead1", "dead2", "dead3"].entries()) {
    clock.set(100 + at);
    await succeed(outbox.add(`group:${name}`, noticeFrom(name)));
    const outcome = { _tag: "DEAD", reason: `why ${name}` } as const;
    await succeed(outbox.settle(await claim(outbox, 100 + at), outcome));
  }
  clock.set(200);
  await succeed(outbox.add("group:postponed", noticeFrom("postponed")));
  clock.set(300);
  await succeed(outbox.add("group:postponed", { ...noticeFrom("behind"), pushContent: "推送" }));
  for (const until of [300, 5_000]) {
    const outcome = { _tag: "POSTPONED", until, reason: `away until ${until}` } as const;
    await succeed(outbox.settle(await claim(outbox, 300), outcome));
  }
  clock.set(400);
  await succeed(outbox.add("private:a:b", noticeFrom("private", "PRIVATE")));
};

/**
 * The sentences of {@link StoreTransfer}.
 *
 * @example
 * ```ts
 * import { makeClock, transferContract } from "sealtalk-misc/contract";
 * import { makeMemoryStore } from "sealtalk-misc/memory";
 *
 * for (const { run } of transferContract) {
 *   const clock = makeClock();
 *   const [from, to] = [makeMemoryStore({ now: clock.now }), makeMemoryStore({ now: clock.now })];
 *   await run({ from, to, clock });
 * }
 * ```
 */
export const transferContract: Contract<TransferSubject> = [
  {
    title: "read() gives no record of an empty store",
    run: async ({ from }) => {
      assert.deepEqual(await readRecords(from), []);
    },
  },
  {
    title: "read() gives relationships, statuses, notices and dead letters, in this order",
    run: async ({ from, clock }) => {
      await fill(from, clock);
      const records = await readRecords(from);
      const order = ["FRIENDS", "MEMBER", "STATUS", "NOTICE", "DEAD_LETTER"];
      const places = records.map(({ _tag }) => Math.max(1, order.indexOf(_tag)));
      assert.deepEqual(
        places,
        [...places].sort((one, other) => one - other),
      );
      assert.deepEqual(arranged(records), [
        { _tag: "FRIENDS", user: "a", friend: "b" },
        { _tag: "FRIENDS", user: "a", friend: "c" },
        { _tag: "FRIENDS", user: "b", friend: "c" },
        { _tag: "MEMBER", group: "c", user: "c" },
        { _tag: "MEMBER", group: "g", user: "a" },
        { _tag: "MEMBER", group: "g", user: "b" },
        { _tag: "STATUS", conversation: "group:imported", status: 1, imported: true },
        { _tag: "STATUS", conversation: "group:set", status: 1, imported: false },
        {
          _tag: "NOTICE",
          conversation: "group:postponed",
          notice: noticeFrom("postponed"),
          attempts: 2,
          storedAt: 200,
          dueAt: 5_000,
          reason: "away until 5000",
        },
        {
          _tag: "NOTICE",
          conversation: "group:postponed",
          notice: { ...noticeFrom("behind"), pushContent: "推送" },
          attempts: 0,
          storedAt: 300,
          dueAt: 5_000,
        },
        {
          _tag: "NOTICE",
          conversation: "private:a:b",
          notice: noticeFrom("private", "PRIVATE"),
          attempts: 0,
          storedAt: 400,
          dueAt: 400,
        },
        ...["dead1", "dead2", "dead3"].map((name, index) => ({
          _tag: "DEAD_LETTER",
          letter: {
            conversation: `group:${name}`,
            notice: noticeFrom(name),
            reason: `why ${name}`,
            attempts: 1,
            storedAt: 100 + index,
            diedAt: 100 + index,
          },
        })),
      ]);
    },
  },
  {
    title: "write() stores all that was read: the other store gives the same records",
    run: async (subject) => {
      await fill(subject.from, subject.clock);
      const records = await move(subject);
      assert.deepEqual(arranged(await readRecords(subject.to)), arranged(records));
      assert.equal(await succeed(subject.to.transfer.received(EXPORT)), records.length);
    },
  },
  {
    title: "write() keeps of each status whether it was set here or imported",
    run: async (subject) => {
      await fill(subject.from, subject.clock);
      await move(subject);
      const { settings, outbox } = subject.to;
      assert.equal(await succeed(settings.noticeStatus("group:imported")), 1);
      assert.equal(await succeed(settings.noticeStatus("group:set")), 1);
      await succeed(
        settings.importStatuses([
          ["group:imported", 0],
          ["group:set", 0],
        ]),
      );
      assert.equal(await succeed(settings.noticeStatus("group:imported")), 0);
      assert.equal(await succeed(settings.noticeStatus("group:set")), 1);
      await succeed(settings.setNoticeStatus("group:imported", 1, noticeFrom("new")));
      assert.equal(await succeed(settings.noticeStatus("group:imported")), 1);
      assert.equal((await succeed(outbox.status(400))).pending, 4);
    },
  },
  {
    title: "write() replaces the status of a conversation that the store has already",
    run: async ({ to }) => {
      await succeed(to.settings.setNoticeStatus("group:1", 1, noticeFrom("a")));
      await succeed(to.settings.setNoticeStatus("group:2", 1, noticeFrom("a")));
      await writeAll(to, [
        { _tag: "STATUS", conversation: "group:1", status: 0, imported: false },
        { _tag: "STATUS", conversation: "group:2", status: 0, imported: true },
      ]);
      assert.equal(await succeed(to.settings.noticeStatus("group:1")), 0);
      assert.equal(await succeed(to.settings.noticeStatus("group:2")), 1);
    },
  },
  {
    title: "write() keeps a postponed head waiting until it is due, its attempts and age kept",
    run: async (subject) => {
      await fill(subject.from, subject.clock);
      await move(subject);
      const { outbox } = subject.to;
      await assertNothingDue(outbox, 4_999);
      subject.clock.set(5_000);
      const head = await claim(outbox, 5_000);
      assert.deepEqual(
        { sender: head.notice.senderId, attempts: head.attempts, storedAt: head.storedAt },
        { sender: "postponed", attempts: 2, storedAt: 200 },
      );
      await succeed(outbox.settle(head, { _tag: "DELIVERED" }));
      const next = await claim(outbox, 5_000);
      assert.deepEqual(
        { notice: next.notice, attempts: next.attempts, storedAt: next.storedAt },
        {
          notice: { ...noticeFrom("behind"), pushContent: "推送" },
          attempts: 0,
          storedAt: 300,
        },
      );
      await succeed(outbox.settle(next, { _tag: "DELIVERED" }));
      assert.deepEqual(senders(await drain(outbox)), ["private"]);
      const { pending, reasons } = await statusOf(outbox, 5_000);
      assert.equal(pending, 0);
      assert.deepEqual(
        reasons.map(({ state }) => state),
        ["dead", "dead", "dead"],
      );
    },
  },
  {
    title: "write() keeps dead letters in their order, and revive() takes them back",
    run: async (subject) => {
      await fill(subject.from, subject.clock);
      const before = await succeed(subject.from.outbox.deadLetters());
      await move(subject);
      const { outbox } = subject.to;
      assert.deepEqual(await succeed(outbox.deadLetters()), before);
      assert.equal(await succeed(outbox.revive()), 3);
      const claims = await drain(outbox);
      const revived = claims.filter(({ notice }) => notice.senderId.startsWith("dead"));
      assert.deepEqual(revived.map(({ attempts, storedAt }) => [attempts, storedAt]).sort(), [
        [1, 100],
        [1, 101],
        [1, 102],
      ]);
      assert.deepEqual((await statusOf(outbox, 400)).reasons, []);
    },
  },
  {
    title: "write() puts a dead letter among those that are there by its age",
    run: async ({ from, to, clock }) => {
      await fill(from, clock);
      await succeed(to.outbox.add("group:late", noticeFrom("late")));
      const outcome = { _tag: "DEAD", reason: "late" } as const;
      await succeed(to.outbox.settle(await claim(to.outbox, 400), outcome));
      await move({ from, to, clock });
      assert.deepEqual(senders(await succeed(to.outbox.deadLetters())), [
        "dead1",
        "dead2",
        "dead3",
        "late",
      ]);
    },
  },
  {
    title: "a claimed notice moves, and is due when its lease has run out",
    run: async (subject) => {
      const { from, to, clock } = subject;
      clock.set(10);
      await addAll(from.outbox, "group:1", ["held", "next"]);
      await claim(from.outbox, 20, 700);
      await move(subject);
      assert.deepEqual(await statusOf(to.outbox, 20), {
        pending: 2,
        oldest: O.some(10),
        inFlight: 0,
        dead: 0,
        reasons: [],
      });
      await assertNothingDue(to.outbox, 699);
      const again = await claim(to.outbox, 700);
      assert.deepEqual([again.notice.senderId, again.attempts], ["held", 0]);
      await succeed(to.outbox.settle(again, { _tag: "DELIVERED" }));
      assert.deepEqual(senders(await drain(to.outbox)), ["next"]);
    },
  },
  {
    title: "notices, members and statuses that fill several pages move completely and in order",
    run: async (subject) => {
      const { from, to, clock } = subject;
      const [long, members] = [namesOf("n", 2_500), namesOf("m", 1_500)];
      await succeed(from.relationships.addMembers(g, members.map(id)));
      await succeed(from.settings.importStatuses(members.map((name) => [`group:${name}`, 1])));
      const adding: Promise<void>[] = [];
      for (const name of long) {
        clock.set(clock.now() + 1);
        adding.push(succeed(from.outbox.add("group:long", noticeFrom(name))));
      }
      await Promise.all(adding);
      await Promise.all(
        namesOf("q", 1_200).map((name) => addAll(from.outbox, `group:${name}`, [name])),
      );
      const records = await move(subject);
      assert.equal(records.length, 2_500 + 1_500 + 1_500 + 1_200);
      const moved = await readRecords(to);
      assert.deepEqual(arranged(moved), arranged(records));
      const queued = moved.flatMap((record) =>
        record._tag === "NOTICE" && record.conversation === "group:long" ? [record] : [],
      );
      assert.deepEqual(senders(queued), long);
      assert.equal((await succeed(to.outbox.status(clock.now()))).pending, 3_700);
      assert.deepEqual(await succeed(to.relationships.membersOf(g)), [...members].sort());
    },
  },
  {
    title: "write() of nothing behind the last record has the store take nothing of the export",
    run: async ({ from, clock }) => {
      await fill(from, clock);
      const records = await readRecords(from);
      await succeed(from.transfer.write(EXPORT, records.length, []));
      assert.equal(await succeed(from.transfer.received(EXPORT)), records.length);
      await writeAll(from, records);
      assert.deepEqual(arranged(await readRecords(from)), arranged(records));
    },
  },
  {
    title: "write() repeated changes nothing, also after what it stored has changed",
    run: async (subject) => {
      const { to } = subject;
      await fill(subject.from, subject.clock);
      const records = await move(subject);
      await writeAll(to, records);
      assert.deepEqual(arranged(await readRecords(to)), arranged(records));
      await succeed(to.settings.setNoticeStatus("group:set", 0, noticeFrom("new")));
      await drain(to.outbox);
      await writeAll(to, records);
      assert.equal(await succeed(to.settings.noticeStatus("group:set")), 0);
      assert.deepEqual(await drain(to.outbox), []);
      assert.equal((await succeed(to.outbox.deadLetters())).length, 3);
      assert.equal(await succeed(to.transfer.received(EXPORT)), records.length);
    },
  },
  {
    title: "write() of a batch that overlaps what was stored stores the rest of it",
    run: async (subject) => {
      const { from, to, clock } = subject;
      await fill(from, clock);
      await addAll(from.outbox, "group:many", namesOf("n", 20));
      const records = await readRecords(from);
      await succeed(to.transfer.write(EXPORT, 0, records.slice(0, 15)));
      await succeed(to.transfer.write(EXPORT, 5, records.slice(5, 25)));
      assert.equal(await succeed(to.transfer.received(EXPORT)), 25);
      await succeed(to.transfer.write(EXPORT, 3, records.slice(3, 9)));
      assert.equal(await succeed(to.transfer.received(EXPORT)), 25);
      await succeed(to.transfer.write(EXPORT, 0, records));
      assert.deepEqual(arranged(await readRecords(to)), arranged(records));
    },
  },
  {
    title: "write() of one batch several times at once stores it once",
    run: async (subject) => {
      const { from, to, clock } = subject;
      await fill(from, clock);
      const records = await readRecords(from);
      await Promise.all(
        Array.from({ length: 4 }, () => succeed(to.transfer.write(EXPORT, 0, records))),
      );
      assert.deepEqual(arranged(await readRecords(to)), arranged(records));
    },
  },
  {
    title: "write() keeps two exports apart",
    run: async ({ to }) => {
      const records = ["x", "y"].map(
        (name): StoreRecord => ({
          _tag: "NOTICE",
          conversation: "group:1",
          notice: noticeFrom(name),
          attempts: 0,
          storedAt: 0,
          dueAt: 0,
        }),
      );
      await succeed(to.transfer.write("one", 0, records));
      await succeed(to.transfer.write("other", 0, records.slice(1)));
      assert.equal(await succeed(to.transfer.received("one")), 2);
      assert.equal(await succeed(to.transfer.received("other")), 1);
      assert.deepEqual(senders(await drain(to.outbox)), ["x", "y", "y"]);
    },
  },
  {
    title: "write() puts notices behind those that wait in the store",
    run: async (subject) => {
      const { from, to, clock } = subject;
      await addAll(from.outbox, "group:1", ["moved1", "moved2"]);
      const outcome = { _tag: "POSTPONED", until: 5_000, reason: "away" } as const;
      await succeed(from.outbox.settle(await claim(from.outbox, 0), outcome));
      clock.set(100);
      await addAll(to.outbox, "group:1", ["here"]);
      await move(subject);
      assert.deepEqual(await statusOf(to.outbox, 100), {
        pending: 3,
        oldest: O.some(0),
        inFlight: 0,
        dead: 0,
        reasons: [],
      });
      const claims = await drain(to.outbox, 100);
      assert.deepEqual(senders(claims), ["here", "moved1", "moved2"]);
      assert.deepEqual(
        claims.map(({ attempts }) => attempts),
        [0, 1, 0],
      );
    },
  },
];
