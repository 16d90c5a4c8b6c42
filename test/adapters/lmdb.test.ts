import { type LmdbStore, openLmdbStore } from "../../adapters/lmdb/mod.ts";
import { makeClock } from "../contract/fixtures.ts";
import { outboxContract } from "../contract/outbox.ts";
import { relationshipsContract } from "../contract/relationships.ts";
import { settingsContract } from "../contract/settings-repository.ts";
import { type Opened, testContract } from "../support/contract.ts";
import { succeed } from "../support/expect.ts";
import { makeTempDir } from "../support/temp-dir.ts";

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

testContract("lmdb settings", settingsContract, open);

testContract("lmdb outbox", outboxContract, async () => {
  const clock = makeClock();
  const { subject, close } = await open(clock.now);
  return { subject: { ...subject, clock }, close };
});

testContract("lmdb relationships", relationshipsContract, async () => {
  const { subject, close } = await open();
  return { subject: subject.relationships, close };
});
