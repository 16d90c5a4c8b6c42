import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { open } from "lmdb";
import { runProgram, startServer } from "../support/program.ts";
import { makeTempDir } from "../support/temp-dir.ts";
import { test } from "../support/test.ts";

const GROUPS = Array.from({ length: 4 }, (_, index) => `g${index}`);
// With overlapping syncs switched on, this many openings showed the fault in two runs of three.
const OPENINGS = 1_500;

test("a sibling that opens, reads and closes the store undoes nothing that was acknowledged", async (t) => {
  const { dir, remove } = await makeTempDir();
  t.teardown(remove);
  // Nothing listens there: each acknowledged set leaves its notice in the outbox, to be counted.
  const variables = {
    DATA_DIR: dir,
    RATE_LIMIT: "0",
    RONGCLOUD_APP_KEY: "key",
    RONGCLOUD_APP_SECRET: "secret",
    RONGCLOUD_API: "http://127.0.0.1:1",
  };
  for (const group of GROUPS) {
    await runProgram(["members", "add", group, "alice"], variables);
  }
  const { stdout: token } = await runProgram(["token", "--user", "alice"], variables);
  const server = await startServer(variables);

  const args = ["dist/test/faults/open-and-close.js", dir, String(OPENINGS)];
  const sibling = once(spawn(process.execPath, args, { stdio: "inherit" }), "close");
  let running = true;
  const over = sibling.then(([code]) => {
    running = false;
    t.is(code, 0);
  });

  const acknowledged = await Promise.all(
    GROUPS.map(async (group) => {
      let sets = 0;
      while (running) {
        const response = await fetch(`${server.url}/misc/set_screen_capture`, {
          method: "POST",
          headers: {
            authorization: `Bearer ${token.trim()}`,
            "content-type": "application/json",
          },
          body: JSON.stringify({
            conversationType: 3,
            targetId: group,
            noticeStatus: (sets + 1) % 2,
          }),
        });
        await response.text();
        if (response.status !== 200) {
          throw new Error(`answered ${response.status}`);
        }
        sets += 1;
      }
      return { group, sets };
    }),
  );
  await over;
  t.is(await server.end("SIGKILL"), "SIGKILL");

  const store = open({ path: join(dir, "store.mdb"), overlappingSync: false });
  const notices = store.openDB<unknown, [string, number]>({ name: "notices" });
  for (const { group, sets } of acknowledged) {
    const key = `group:${group}`;
    const kept = notices.getKeysCount({ start: [key, 0], end: [key, Number.MAX_SAFE_INTEGER] });
    t.true(sets > 0);
    t.is(kept, sets);
  }
  await store.close();
});
