import { join } from "node:path";
import { open } from "lmdb";
import type { ConversationKey } from "../../core/domain/conversation.ts";

/**
 * Reads from a store which conversations are claimed, and until when; milliseconds since the epoch.
 * Only while no process has the store open.
 */
export const leasesIn = async (dir: string): Promise<ReadonlyMap<ConversationKey, number>> => {
  const store = open({ path: join(dir, "store.mdb"), overlappingSync: false });
  const leases = store.openDB<{ readonly value: number }, ConversationKey>({
    name: "leases",
    encoding: "json",
  });
  const found = new Map([
    ...leases.getRange().map(({ key, value }) => [key, value.value] as const),
  ]);
  await store.close();
  return found;
};
