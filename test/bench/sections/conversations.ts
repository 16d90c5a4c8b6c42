/** What more conversations come to: time of each call of the port, and memory once they are served. */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { pipe } from "fp-ts/lib/function.js";
import * as TE from "fp-ts/lib/TaskEither.js";
import { Redis } from "ioredis";
import { openRedisStore } from "../../../adapters/redis/mod.ts";
import { openSqliteStore } from "../../../adapters/sqlite/mod.ts";
import { LEASE_MS } from "../../../core/domain/delivery.ts";
import type { Outbox } from "../../../core/ports/outbox.ts";
import type { RelationshipDirectory } from "../../../core/ports/relationships.ts";
import type { ImportableSettings } from "../../../core/ports/settings-repository.ts";
import { id, succeed } from "../../contract/expect.ts";
import { noticeFrom } from "../../contract/fixtures.ts";
import { residentOf, startOurs } from "../processes.ts";
import { CALLER, GET_STATUS, type Load } from "../requests.ts";
import type { Bench, Section } from "../section.ts";
import { median } from "../statistics.ts";
import { makeRedis, makeSqlite } from "../stores.ts";

const SIZES = [1_000, 100_000, 1_000_000];
const CALLS = 2_000;
const CHUNK = 10_000;
/** How many of them are read over HTTP, spread over all. */
const READ = 1_000;

interface Store {
  readonly settings: ImportableSettings;
  readonly outbox: Outbox;
  readonly relationships: RelationshipDirectory;
  readonly close: () => Promise<void>;
}

interface Subject {
  readonly name: string;
  readonly variables: Readonly<Record<string, string>>;
  readonly open: () => Promise<Store>;
  /** What the store itself holds, in megabytes, and what that is. */
  readonly held: () => Promise<string>;
}

const groupOf = (number: number) => id(`grown-${number}`);
const keyOf = (number: number) => `group:${groupOf(number)}`;
const range = (length: number): ReadonlyArray<number> =>
  Array.from({ length }, (_, index) => index);

const importUpTo = async ({ settings }: Store, from: number, size: number): Promise<void> => {
  for (let stored = from; stored < size; stored += CHUNK) {
    const some = range(Math.min(CHUNK, size - stored)).map(
      (index) => [keyOf(stored + index), 1] as const,
    );
    await succeed(settings.importStatuses(some));
  }
};

/** The time of one call after the other, in microseconds. */
const microseconds = async (call: (number: number) => Promise<unknown>): Promise<number> => {
  const times: number[] = [];
  for (const number of range(CALLS)) {
    const began = performance.now();
    await call(number);
    times.push((performance.now() - began) * 1_000);
  }
  return median(times);
};

const timesOf = async (
  { settings, outbox }: Store,
  size: number,
): Promise<ReadonlyArray<number>> => {
  const spread = (number: number): string => keyOf(Math.floor((number * size) / CALLS));
  const get = await microseconds((number) => succeed(settings.noticeStatus(spread(number))));
  const set = await microseconds((number) =>
    succeed(settings.setNoticeStatus(spread(number), 1, noticeFrom("1", "GROUP"))),
  );
  const deliver = await microseconds(async () => {
    const now = Date.now();
    const claimed = await succeed(outbox.claim("GROUP", now, now + LEASE_MS));
    if (claimed._tag === "None") {
      throw new Error("there is nothing to deliver");
    }
    await succeed(outbox.settle(claimed.value, { _tag: "DELIVERED" }));
  });
  return [get, set, deliver];
};

/** Reads of conversations that are spread over all of them. */
const readsOf = (size: number): Load => ({
  ...GET_STATUS,
  bodies: range(READ).map((number) =>
    JSON.stringify({ conversationType: 3, targetId: groupOf(Math.floor((number * size) / READ)) }),
  ),
});

const joinThose = ({ relationships }: Store, size: number): Promise<unknown> =>
  succeed(
    pipe(
      range(READ),
      TE.traverseArray((number) =>
        relationships.addMembers(groupOf(Math.floor((number * size) / READ)), [CALLER]),
      ),
    ),
  );

const grow = async (
  { report, generator, defer }: Bench,
  { name, variables, open, held }: Subject,
): Promise<void> => {
  const rows: string[][] = [];
  let first: ReadonlyArray<number> | undefined;
  let stored = 0;
  for (const size of SIZES) {
    const store = await open();
    await importUpTo(store, stored, size);
    stored = size;
    const times = await timesOf(store, size);
    first ??= times;
    const ratios = times.map((time, index) => (time / (first?.[index] ?? Number.NaN)).toFixed(2));
    await joinThose(store, size);
    await store.close();
    const server = await startOurs(defer, variables);
    const { perSecond } = await generator.saturate(server, readsOf(size));
    const { all, files } = await residentOf(server);
    await server.end();
    rows.push([
      size.toLocaleString("en"),
      `**${ratios.join(", ")}**`,
      ...times.map((time) => `${time.toFixed(0)} µs`),
      perSecond.toFixed(0),
      `${all.toFixed(0)} MB`,
      `${files.toFixed(0)} MB`,
      await held(),
    ]);
  }
  report.table(
    [
      `conversations on ${name}`,
      `of ${SIZES[0]?.toLocaleString("en")}: get, set, deliver`,
      "get",
      "set",
      "deliver",
      "reads/s over HTTP",
      "server resident",
      "of that, pages of files",
      name === "redis" ? "Redis's memory" : "the file and its log",
    ],
    rows,
  );
};

const megabytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(0)} MB`;

const sizeOf = async (...path: ReadonlyArray<string>): Promise<number> =>
  (await stat(join(...path))).size;

export const benchConversations: Section = async (bench) => {
  const sqlite = await makeSqlite(bench.defer);
  const { DATA_DIR: dir = "" } = sqlite;
  await grow(bench, {
    name: "sqlite",
    variables: sqlite,
    open: () => succeed(openSqliteStore({ dir })),
    held: async () =>
      megabytes((await sizeOf(dir, "store.db")) + (await sizeOf(dir, "store.db-wal"))),
  });
  const { redis, variables } = await makeRedis(bench.defer);
  const client = new Redis(redis.url);
  bench.defer(async () => client.disconnect());
  await grow(bench, {
    name: "redis",
    variables,
    open: () => openRedisStore({ urls: [redis.url] }),
    held: async () => megabytes(Number(/used_memory:(\d+)/.exec(await client.info("memory"))?.[1])),
  });
};
