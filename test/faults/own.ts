/** A program that opens a store and sits on it: an owner to be stopped and killed. */
import { openLmdbStore } from "../../adapters/lmdb/mod.ts";
import { succeed } from "../contract/expect.ts";
import { noticeFrom } from "../contract/fixtures.ts";

const [dir = ""] = process.argv.slice(2);
const { settings } = await succeed(openLmdbStore({ dir }));
await succeed(settings.setNoticeStatus("group:1", 1, noticeFrom("owner")));
process.stdout.write("owning\n");
setInterval(() => {}, 60_000);
