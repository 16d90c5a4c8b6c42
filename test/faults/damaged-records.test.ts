/**
 * The SQLite store with damage in its file. A notice that is sent, and whose claim cannot be settled,
 * would be sent again after each lease; so the store must find the damage before the notice is sent.
 */
import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import * as E from "fp-ts/lib/Either.js";
import { pipe } from "fp-ts/lib/function.js";
import * as O from "fp-ts/lib/Option.js";
import * as TE from "fp-ts/lib/TaskEither.js";
import { makeMemoryPorts } from "../../adapters/memory/mod.ts";
import { startRelay } from "../../adapters/relay/mod.ts";
import { type Connection, loadDriver } from "../../adapters/sqlite/driver.ts";
import { openSqliteStore, type SqliteStore, storePath } from "../../adapters/sqlite/mod.ts";
import { LEASE_MS } from "../../core/domain/delivery.ts";
import {
  type Claim,
  createMisc,
  type MessageGateway,
  type OutboundMessage,
  type Outbox,
  type Outcome,
} from "../../core/mod.ts";
import { id, succeed } from "../contract/expect.ts";
import { noticeFrom } from "../contract/fixtures.ts";
import { makeFastTempDir } from "../support/temp-dir.ts";
import { type ExecutionContext, test } from "../support/test.ts";
import { makeVirtualTime } from "../support/virtual-time.ts";

const UNAVAILABLE = { _tag: "GATEWAY_UNAVAILABLE", delivery: "none", cause: "x" } as const;
const REJECTED = { _tag: "GATEWAY_REJECTED", gatewayCode: 1002, cure: "none" } as const;

/** What the gateway answers about the notices of a sender, attempt by attempt; then it takes them. */
const ANSWERS: Readonly<Record<string, ReadonlyArray<typeof UNAVAILABLE | typeof REJECTED>>> = {
  d1: [UNAVAILABLE],
  d2: [REJECTED],
  h1: [UNAVAILABLE, UNAVAILABLE],
  p2: [REJECTED],
};

/** What became of one notice. */
interface Tally {
  sent: number;
  postponed: number;
  settled: number;
}

/** What a relay did in ten leases. */
interface Run {
  /** Why the store could not be opened, if it could not. */
  readonly refusal: string | undefined;
  readonly tallies: ReadonlyArray<Tally>;
  /** The senders whose notices reached the gateway. */
  readonly senders: ReadonlySet<string>;
  /** How many more notices and dead letters the store must have than before. */
  readonly difference: number;
}

const POLL_MS = LEASE_MS / 2;

/** Opens the store, delivers for ten leases of virtual time, and asks the store everything else. */
const deliver = async (dir: string): Promise<Run> => {
  const time = makeVirtualTime();
  const opened = await openSqliteStore({ dir, thread: false, now: time.now })();
  if (E.isLeft(opened)) {
    return { refusal: opened.left.cause, tallies: [], senders: new Set(), difference: 0 };
  }
  const store = opened.right;
  const tallies = new Map<string, Tally>();
  const tallyOf = ({ conversation, storedAt, notice }: Claim): Tally => {
    const key = JSON.stringify([conversation, storedAt, notice]);
    const tally = tallies.get(key) ?? { sent: 0, postponed: 0, settled: 0 };
    tallies.set(key, tally);
    return tally;
  };
  const claims = new Map<OutboundMessage, Claim>();
  const senders = new Map<string, number>();
  let difference = 0;

  const outbox: Outbox = {
    ...store.outbox,
    claim: (...asked) =>
      pipe(
        () => time.during(store.outbox.claim(...asked)),
        TE.map((claimed) => {
          if (O.isSome(claimed)) {
            claims.set(claimed.value.notice, claimed.value);
          }
          return claimed;
        }),
      ),
    settle: (claim, outcome: Outcome) =>
      pipe(
        () => time.during(store.outbox.settle(claim, outcome)),
        TE.map(() => {
          tallyOf(claim).settled += 1;
          tallyOf(claim).postponed += outcome._tag === "POSTPONED" ? 1 : 0;
          difference -= outcome._tag === "DELIVERED" ? 1 : 0;
        }),
      ),
  };
  const gateway: MessageGateway = {
    send: (notice) => async () => {
      const claim = claims.get(notice);
      assert.ok(claim !== undefined, "what is sent was claimed");
      tallyOf(claim).sent += 1;
      const attempt = senders.get(notice.senderId) ?? 0;
      senders.set(notice.senderId, attempt + 1);
      const error = ANSWERS[notice.senderId]?.[attempt];
      return error === undefined ? E.right(undefined) : E.left(error);
    },
    pause: () => () => 0,
    ready: () => TE.right(undefined),
  };
  const { now } = time;
  const misc = createMisc(makeMemoryPorts({ outbox, gateway, now, random: () => 0.5 }));
  const relay = await startRelay({
    misc,
    outbox,
    pollMs: POLL_MS,
    timer: (ring, ms) => time.after(ms, ring),
  });
  await time.advance(8 * LEASE_MS);
  difference += await askEverything(store, now());
  await time.advance(2 * LEASE_MS);
  const stopped = relay.stop();
  await time.settleDown();
  await stopped;
  await store.close();
  return {
    refusal: undefined,
    tallies: [...tallies.values()],
    senders: new Set(senders.keys()),
    difference,
  };
};

/**
 * Calls what else reads the outbox, or changes it. A call may fail, but must not throw. Answers how
 * many notices it added.
 */
const askEverything = async ({ settings, outbox }: SqliteStore, now: number): Promise<number> => {
  await outbox.status(now)();
  await outbox.deadLetters()();
  await settings.noticeStatus("group:d")();
  const added = await settings.setNoticeStatus("group:d", 1, noticeFrom("late"))();
  await settings.ready()();
  await outbox.retry(now)();
  return E.isRight(added) ? 1 : 0;
};

/** Makes the store that the tests damage, and returns its file. */
const makeBaseline = async (): Promise<Buffer> => {
  const { dir, remove } = await makeFastTempDir();
  const time = makeVirtualTime();
  // The time at which a notice was stored identifies it.
  let now = time.now() - 10_000;
  const clock = (): number => {
    now += 1;
    return now;
  };
  const store = await succeed(openSqliteStore({ dir, thread: false, now: clock }));
  const { settings, outbox, relationships, transfer } = store;

  const settle = async (outcome: Outcome, type: "PRIVATE" | "GROUP" = "GROUP"): Promise<void> => {
    const claimed = await succeed(outbox.claim(type, clock(), now + LEASE_MS));
    assert.ok(O.isSome(claimed));
    await succeed(outbox.settle(claimed.value, outcome));
  };

  // What is delivered leaves free pages.
  for (let index = 0; index < 60; index += 1) {
    await succeed(outbox.add("group:gone", noticeFrom("gone")));
  }
  for (let index = 0; index < 60; index += 1) {
    await settle({ _tag: "DELIVERED" });
  }
  await succeed(outbox.add("group:x", noticeFrom("x1")));
  await settle({ _tag: "DEAD", reason: "GATEWAY_REJECTED 1002" });
  // With more reasons, SQLite finds a count without a look at all the others.
  for (const code of [1000, 1001, 1003, 1004, 1005]) {
    await succeed(outbox.add("group:y", noticeFrom("y")));
    await settle({ _tag: "DEAD", reason: `GATEWAY_REJECTED ${code}` });
  }
  await succeed(outbox.add("private:a:b", noticeFrom("p1", "PRIVATE")));
  const until = time.now() + 5_000;
  await settle({ _tag: "POSTPONED", until, reason: "GATEWAY_UNAVAILABLE" }, "PRIVATE");
  await succeed(outbox.add("private:a:b", noticeFrom("p2", "PRIVATE")));
  await succeed(settings.setNoticeStatus("group:d", 1, noticeFrom("d1")));
  await succeed(outbox.add("group:d", noticeFrom("d2")));
  await succeed(outbox.add("group:d", noticeFrom("d3")));
  await succeed(settings.setNoticeStatus("group:h", 1, noticeFrom("h1")));
  await succeed(outbox.add("group:h", noticeFrom("h2")));
  await succeed(settings.importStatuses([["group:i", 1]]));
  await succeed(relationships.addFriends([[id("a"), id("b")]]));
  await succeed(relationships.addMembers(id("d"), [id("a")]));
  await succeed(transfer.write("export", 0, []));
  await store.close();
  const file = await readFile(storePath(dir));
  await remove();
  return file;
};

const baseline = await makeBaseline();

const PAGE_BYTES = 4_096;

// How often a few bytes are damaged.
const SPOTS = 200;

let state = 1;

/** A number in [0, 1): the same ones in each run. */
const random = (): number => {
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
  return state / 2 ** 32;
};

const noise = (length: number): Uint8Array =>
  Uint8Array.from({ length }, () => Math.floor(random() * 256));

const connect = await loadDriver();

/** Counts the notices and dead letters of a store; NaN if that is not possible. */
const countIn = (dir: string): number => {
  const connection = connect(storePath(dir));
  try {
    // No index has this column, so that a damaged index does not matter.
    const rows = ["notices", "dead_letters"].flatMap((table) =>
      connection.prepare(`SELECT typeof(attempts) FROM ${table}`).all(),
    );
    return rows.length;
  } catch {
    return Number.NaN;
  } finally {
    connection.close();
  }
};

/** Delivers from a store whose file is this one; counts its notices before and after. */
const run = async (file: Uint8Array) => {
  // SQLite would take a folder that was used before for the same store.
  const { dir, remove } = await makeFastTempDir();
  await writeFile(storePath(dir), file);
  const before = countIn(dir);
  const result = await deliver(dir);
  const after = countIn(dir);
  await remove();
  return { ...result, before, after };
};

const pageOf = (file: Buffer, page: number): Buffer =>
  file.subarray(page * PAGE_BYTES, (page + 1) * PAGE_BYTES);

/**
 * What makes SQLite refuse values of a wrong type, in the texts of the schema. Spaces of the same
 * length in their place leave every row where it is.
 */
const CONSTRAINTS = /STRICT,?|NOT NULL|CHECK \(\w+ IN \(0, 1\)\)/g;

const schema = pageOf(baseline, 0).toString("latin1");
const withoutConstraints = Buffer.from(baseline);
withoutConstraints.write(
  schema.replace(CONSTRAINTS, (text) => " ".repeat(text.length)),
  "latin1",
);

// The header of the first page counts changes; the rest of it holds the texts of the schema.
const HEADER_BYTES = 100;

/** Works on a copy of the file as SQL does without constraints. Answers the file as it is then. */
const withSql = async (action: (connection: Connection) => void): Promise<Buffer> => {
  const { dir, remove } = await makeFastTempDir();
  await writeFile(storePath(dir), withoutConstraints);
  const connection = connect(storePath(dir));
  try {
    action(connection);
  } catch (fault) {
    // A value that would break a key is no damage that SQL can do.
    assert.match(String(fault), /(UNIQUE|NOT NULL) constraint|datatype mismatch/);
  }
  connection.exec("PRAGMA wal_checkpoint(TRUNCATE)");
  connection.close();
  const file = await readFile(storePath(dir));
  file.set(baseline.subarray(HEADER_BYTES, PAGE_BYTES), HEADER_BYTES);
  await remove();
  return file;
};

/** A row of the undamaged file. `where` selects it; `owner`: its conversation. */
interface Place {
  readonly table: string;
  readonly columns: ReadonlyArray<string>;
  readonly where: string;
  readonly owner: unknown;
}

const quoted = (value: unknown): string =>
  typeof value === "string" ? `'${value.replaceAll("'", "''")}'` : String(value);

const listPlaces = async (): Promise<ReadonlyArray<Place>> => {
  const places: Place[] = [];
  await withSql((connection) => {
    const tables = connection.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").all();
    for (const table of tables.map(({ name }) => String(name))) {
      const columns = connection.prepare(`PRAGMA table_info(${table})`).all();
      for (const row of connection.prepare(`SELECT * FROM ${table}`).all()) {
        places.push({
          table,
          columns: columns.map(({ name }) => String(name)),
          where: columns
            .filter(({ pk }) => Number(pk) > 0)
            .map(({ name }) => `${name} = ${quoted(row[String(name)])}`)
            .join(" AND "),
          owner: row.conversation,
        });
      }
    }
  });
  return places;
};

const VALUES = [
  ...["NULL", "''", "'x'", "x'00ff'", "-1", "0", "1", "1.5"],
  ...["9007199254740991", "9007199254740992", "9223372036854775807", "-9223372036854775808"],
];

/** Texts in the place of a notice: an unknown type, a newer version, other JSON. */
const TEXTS = [
  `json_set(notice, '$.conversationType', 'CHANNEL')`,
  `json_set(notice, '$.version', 2, '$.senderId', json('["new"]'))`,
  `json_set(notice, '$.version', 2, '$.senderId', 'new')`,
  ...["'{}'", "'[]'", "'null'"],
];

/** The statements that damage a row, one at a time. */
const damagesOf = ({ table, columns, where }: Place): ReadonlyArray<string> => [
  `DELETE FROM ${table} WHERE ${where}`,
  ...columns.flatMap((column) =>
    [...VALUES, ...(column === "notice" ? TEXTS : [])].map(
      (value) => `UPDATE ${table} SET ${column} = ${value} WHERE ${where}`,
    ),
  ),
];

/** The conversations of the notices that a relay can deliver, and their senders. */
const SENDERS: Readonly<Record<string, ReadonlyArray<string>>> = {
  "group:d": ["d1", "d2", "d3", "late"],
  "group:h": ["h1", "h2"],
  "private:a:b": ["p1", "p2"],
};

/** The senders whose notices must be delivered although a row is damaged. */
const sparedBy = ({ table, where, owner }: Place): ReadonlyArray<string> => {
  if (table === "numbers" && where.includes("token")) {
    return [];
  }
  const belongs = table === "queues" || table === "notices" || table === "statuses";
  return Object.entries(SENDERS).flatMap(([conversation, senders]) =>
    belongs && conversation === owner ? [] : senders,
  );
};

// What is true of a row of group:d is true of the rows of group:h, and so on.
const places = (await listPlaces()).filter(
  ({ owner, where }) =>
    owner !== "group:h" && owner !== "group:y" && !/REJECTED 100[^2]/.test(where),
);
/** Fails if a notice was sent again although its last claim was not settled as postponed. */
const sendsNothingAgain = (t: ExecutionContext, damage: string, { tallies }: Run): void => {
  for (const tally of tallies) {
    t.true(tally.sent <= 1 + tally.postponed, `${damage}: ${JSON.stringify(tally)}`);
  }
};

/** Fails if a notice or a dead letter vanished, or was made. */
const keepsAll = (
  t: ExecutionContext,
  damage: string,
  { after, before, difference }: Awaited<ReturnType<typeof run>>,
): void => {
  t.is(after, before + difference, `${damage}: every notice is kept once`);
};

const ALL = ["d1", "d2", "d3", "h1", "h2", "late", "p1", "p2"];

test("relay delivers every notice of a store without damage", async (t) => {
  const result = await run(baseline);
  t.deepEqual([...result.senders].sort(), ALL);
  keepsAll(t, "none", result);
  sendsNothingAgain(t, "none", result);
});

/** A damaged file, with what was done to it. */
type Damage = readonly [title: string, file: Buffer];

/** Overwrites a part of the undamaged file. */
const overwritten = (title: string, at: number, content: Uint8Array): Damage => {
  const file = Buffer.from(baseline);
  file.set(content, at);
  return [title, file];
};

const PAGES = Array.from({ length: baseline.length / PAGE_BYTES }, (_, page) => page);

const pageDamages = (): ReadonlyArray<Damage> =>
  PAGES.flatMap((page) => {
    const at = page * PAGE_BYTES;
    return [
      overwritten(`page ${page} is zeros`, at, new Uint8Array(PAGE_BYTES)),
      overwritten(`page ${page} is noise`, at, noise(PAGE_BYTES)),
      ...PAGES.filter((other) => other !== page).map((other) =>
        overwritten(`page ${page} is page ${other}`, at, pageOf(baseline, other)),
      ),
    ];
  });

test("relay sends no notice again and again when a page of the store is damaged", async (t) => {
  let refused = 0;
  for (const [title, file] of pageDamages()) {
    const result = await run(file);
    sendsNothingAgain(t, title, result);
    if (!Number.isNaN(result.before) && !/is page/.test(title)) {
      keepsAll(t, title, result);
    }
    refused += result.refusal === undefined ? 0 : 1;
  }
  t.log(`${PAGES.length} pages, ${refused} files refused`);
});

for (const table of new Set(places.map((one) => one.table))) {
  test(`relay sends no notice again and again, and delivers the others, when a row of ${table} is damaged`, async (t) => {
    let damages = 0;
    for (const place of places.filter((one) => one.table === table)) {
      for (const sql of damagesOf(place)) {
        const file = await withSql((connection) => connection.exec(sql));
        const result = await run(file);
        sendsNothingAgain(t, sql, result);
        t.is(result.refusal, undefined, sql);
        t.deepEqual(
          sparedBy(place).filter((sender) => !result.senders.has(sender)),
          [],
          sql,
        );
        keepsAll(t, sql, result);
        damages += 1;
      }
    }
    t.log(`${damages} damages`);
  });
}

const USED_PAGES = 14;

/** Bytes somewhere in the header or in the newest rows of a page that is in use. */
const spotDamage = (): Damage => {
  const page = Math.floor(random() * USED_PAGES);
  const offset = random() < 0.5 ? random() * 40 : PAGE_BYTES - 8 - random() * 400;
  const at = page * PAGE_BYTES + Math.floor(offset);
  const content = noise(1 + Math.floor(random() * 8));
  return overwritten(`bytes ${at}: ${Buffer.from(content).toString("hex")}`, at, content);
};

/** Bytes in the row of a reason, in the table that counts reasons: its sizes, types and texts. */
const countDamages = (): ReadonlyArray<Damage> =>
  ["deadGATEWAY_REJECTED 1002", "postponedGATEWAY_UNAVAILABLE"].flatMap((row) =>
    Array.from({ length: 8 }, (_, back) => {
      const at = baseline.indexOf(row) - back;
      return overwritten(`bytes ${at}, in ${row}`, at, Buffer.from("ffff", "hex"));
    }),
  );

test("relay sends no notice again and again when a count cannot be read", async (t) => {
  for (const [title, file] of countDamages()) {
    sendsNothingAgain(t, title, await run(file));
  }
});

test("relay repeats no unsettled notice when a few bytes of the store are damaged", async (t) => {
  for (const [title, file] of Array.from({ length: SPOTS }, spotDamage)) {
    const { tallies } = await run(file);
    for (const { sent, settled } of tallies) {
      // Bytes can make two rows of one: each of them may be sent and settled.
      t.true(sent <= 1 + settled, title);
    }
  }
});
