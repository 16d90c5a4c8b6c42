/** How long calls take without a server: of use cases, and of stores as they grow. */
import { makeMemoryPorts, makeMemoryStore } from "../../../adapters/memory/mod.ts";
import { openRedisStore } from "../../../adapters/redis/mod.ts";
import { openSqliteStore, type SqliteStore } from "../../../adapters/sqlite/mod.ts";
import { createMisc, keyOfGroup } from "../../../core/mod.ts";
import { id, succeed } from "../../contract/expect.ts";
import { noticeFrom } from "../../contract/fixtures.ts";
import { makeStore } from "../processes.ts";
import { median, table } from "../statistics.ts";

const [SAMPLES, BATCH, CHUNK, LEASE_MS] = [500, 100, 1_000, 3_600_000];
const notice = noticeFrom("1", "GROUP");

/** Returns the median time of one call after the other, in microseconds. */
const timeOf = async (call: (share: number) => Promise<unknown>, batch = 1): Promise<number> => {
  const times: number[] = [];
  while (times.length < SAMPLES) {
    const began = performance.now();
    for (let index = 0; index < batch; index += 1) {
      await call(times.length / SAMPLES);
    }
    times.push(((performance.now() - began) * 1_000) / batch);
  }
  return median(times);
};

export const usecases = async (): Promise<string> => {
  const store = makeMemoryStore();
  await succeed(store.relationships.addMembers(id("g"), [id("1")]));
  const misc = createMisc(makeMemoryPorts(store));
  const input = { caller: id("1"), conversationType: 3, targetId: "w-g" };
  const message = { ...input, conversationType: "GROUP", objectName: "RC:TxtMsg", content: "hi" };
  const cases = {
    checkUpdate: () => succeed(misc.checkUpdate("1.0.0")),
    mobileVersions: () => succeed(misc.mobileVersions()),
    sendMessage: () => succeed(misc.sendMessage(message)),
    getScreenCapture: () => succeed(misc.getScreenCapture(input)),
    setScreenCapture: () => succeed(misc.setScreenCapture({ ...input, noticeStatus: 1 })),
    reportScreenCapture: () => succeed(misc.reportScreenCapture(input)),
    "a function that does nothing": async () => {},
  };
  const rows: string[][] = [];
  for (const [name, call] of Object.entries(cases)) {
    rows.push([name, (await timeOf(call, BATCH)).toFixed(2)]);
  }
  return table("use case | µs a call", rows);
};

type Store = Pick<SqliteStore, "settings" | "outbox" | "close">;

const grow = async (name: string, store: Store, sizes: ReadonlyArray<number>): Promise<string> => {
  const { settings, outbox } = store;
  const keyAt = (index: number) => keyOfGroup(id(`grown-${Math.floor(index)}`));
  const found: number[][] = [];
  let filled = 0;
  for (const size of sizes) {
    for (; filled < size; filled += CHUNK) {
      const keys = Array.from({ length: CHUNK }, (_, index) => keyAt(filled + index));
      await succeed(settings.importStatuses(keys.map((key) => [key, 1])));
      await Promise.all(keys.map((key) => succeed(outbox.add(key, notice))));
    }
    const now = Date.now() + 1;
    found.push([
      await timeOf((share) => succeed(settings.setNoticeStatus(keyAt(share * size), 1, notice))),
      await timeOf((share) => succeed(settings.noticeStatus(keyAt(share * size)))),
      // Leases outlast the section, so claims do not repeat; the status is of when they are over.
      await timeOf(() => succeed(outbox.claim("GROUP", now, now + LEASE_MS))),
      await timeOf(() => succeed(outbox.status(now + 2 * LEASE_MS))),
    ]);
  }
  await store.close();
  const cell = (time: number, column: number): string =>
    `**${(time / (found[0]?.[column] ?? Number.NaN)).toFixed(2)}** (${time.toFixed(0)} µs)`;
  const rows = found.map((times, row) => [
    `${sizes[row]?.toLocaleString("en")}`,
    ...times.map(cell),
  ]);
  return table(`conversations on ${name} | set | read | claim | outbox status`, rows);
};

/** Each size has as many waiting notices as conversations. */
export const growth = async (args: ReadonlyArray<string>): Promise<string> => {
  const sizes = [1_000, 100_000, ...(args.includes("--large") ? [1_000_000] : [])];
  const { DATA_DIR: dir = "" } = await makeStore("sqlite");
  const { REDIS_URL: url = "" } = await makeStore("redis");
  const sqlite = await grow("sqlite", await succeed(openSqliteStore({ dir })), sizes);
  return `${sqlite}\n\n${await grow("redis", await openRedisStore({ urls: [url] }), sizes)}`;
};
