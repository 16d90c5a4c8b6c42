import { join } from "node:path";
import { loadDriver } from "../../adapters/sqlite/driver.ts";
import type { ConversationKey } from "../../core/domain/conversation.ts";

/** Reads from a store which conversations are claimed, and until when; milliseconds since the epoch. */
export const leasesIn = async (dir: string): Promise<ReadonlyMap<ConversationKey, number>> => {
  const connect = await loadDriver();
  const connection = connect(join(dir, "store.db"));
  const rows = connection
    .prepare("SELECT conversation, due_at AS until FROM queues WHERE token > 0")
    .all();
  connection.close();
  return new Map(rows.map(({ conversation, until }) => [String(conversation), Number(until)]));
};
