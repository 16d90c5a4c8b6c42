/** A program that opens a store, reads and closes, as often as it is told: a busy sibling. */
import { openLmdbStore } from "../../adapters/lmdb/mod.ts";
import { id, succeed } from "../contract/expect.ts";

const [dir = "", times = "0"] = process.argv.slice(2);
for (let time = 0; time < Number(times); time += 1) {
  const { relationships, close } = await succeed(openLmdbStore({ dir }));
  await succeed(relationships.friendsOf(id("alice")));
  await close();
}
