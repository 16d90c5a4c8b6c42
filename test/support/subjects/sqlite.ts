import {
  openSqliteStore,
  type SqliteStore,
  type SqliteStoreOptions,
} from "../../../adapters/sqlite/mod.ts";
import { succeed } from "../../contract/expect.ts";
import { makeClock } from "../../contract/fixtures.ts";
import { outboxContract } from "../../contract/outbox.ts";
import { directoryContract } from "../../contract/relationships.ts";
import { importableSettingsContract } from "../../contract/settings-repository.ts";
import { transferContract } from "../../contract/store-transfer.ts";
import { type Case, casesOf, type Opened } from "../cases.ts";
import { makeTempDir } from "../temp-dir.ts";

/** Opens so many stores on one new folder; the last one is the subject. */
const opening =
  (stores: number, options: Partial<SqliteStoreOptions>) =>
  async (now: () => number = Date.now): Promise<Opened<SqliteStore>> => {
    const { dir, remove } = await makeTempDir();
    const others: SqliteStore[] = [];
    while (others.length < stores - 1) {
      others.push(await succeed(openSqliteStore({ dir, now })));
    }
    const subject = await succeed(openSqliteStore({ dir, now, ...options }));
    return {
      subject,
      close: async () => {
        await Promise.all([...others, subject].map(({ close }) => close()));
        await remove();
      },
    };
  };

const casesNamed = (name: string, open: ReturnType<typeof opening>): ReadonlyArray<Case> => [
  ...casesOf(`${name} settings`, importableSettingsContract, open),
  ...casesOf(`${name} outbox`, outboxContract, async () => {
    const clock = makeClock();
    const { subject, close } = await open(clock.now);
    return { subject: { ...subject, clock }, close };
  }),
  ...casesOf(`${name} relationships`, directoryContract, async () => {
    const { subject, close } = await open();
    return { subject: subject.relationships, close };
  }),
  ...casesOf(`${name} transfer`, transferContract, async () => {
    const clock = makeClock();
    const [from, to] = await Promise.all([open(clock.now), open(clock.now)]);
    return {
      subject: { from: from.subject, to: to.subject, clock },
      close: async () => {
        await from.close();
        await to.close();
      },
    };
  }),
];

/** The embedded store as the subject of each contract of its ports. */
export const sqliteCases: ReadonlyArray<Case> = casesNamed("sqlite", opening(1, {}));

/** The same beside another process's connection, and without a writer thread. */
export const otherSqliteCases: ReadonlyArray<Case> = [
  ...casesNamed("sqlite beside another", opening(2, {})),
  ...casesNamed("sqlite without a thread", opening(1, { thread: false })),
];
