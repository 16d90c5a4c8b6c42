import { type LmdbStore, openLmdbStore } from "../../../adapters/lmdb/mod.ts";
import { succeed } from "../../contract/expect.ts";
import { makeClock } from "../../contract/fixtures.ts";
import { outboxContract } from "../../contract/outbox.ts";
import { directoryContract } from "../../contract/relationships.ts";
import { importableSettingsContract } from "../../contract/settings-repository.ts";
import { type Case, casesOf, type Opened } from "../cases.ts";
import { makeTempDir } from "../temp-dir.ts";

const open = async (now: () => number = Date.now): Promise<Opened<LmdbStore>> => {
  const { dir, remove } = await makeTempDir();
  const store = await succeed(openLmdbStore({ dir, now }));
  return {
    subject: store,
    close: async () => {
      await store.close();
      await remove();
    },
  };
};

/** Opens a store that another one, in the same folder, owns. */
const join = async (now: () => number = Date.now): Promise<Opened<LmdbStore>> => {
  const { dir, remove } = await makeTempDir();
  const owner = await succeed(openLmdbStore({ dir, now }));
  const store = await succeed(openLmdbStore({ dir, now }));
  return {
    subject: store,
    close: async () => {
      await store.close();
      await owner.close();
      await remove();
    },
  };
};

const OPENINGS = [
  ["lmdb", open],
  ["joined lmdb", join],
] as const;

/** The embedded store, alone and beside its owner, as the subject of each contract of its ports. */
export const lmdbCases: ReadonlyArray<Case> = OPENINGS.flatMap(([name, opening]) => [
  ...casesOf(`${name} settings`, importableSettingsContract, opening),
  ...casesOf(`${name} outbox`, outboxContract, async () => {
    const clock = makeClock();
    const { subject, close } = await opening(clock.now);
    return { subject: { ...subject, clock }, close };
  }),
  ...casesOf(`${name} relationships`, directoryContract, async () => {
    const { subject, close } = await opening();
    return { subject: subject.relationships, close };
  }),
]);
