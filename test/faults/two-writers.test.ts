/** Two servers that write one store, beside processes that hold its lock or a long read. */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { id } from "../contract/expect.ts";
import { type Deployment, makeDeployment, postJson } from "../support/deployment.ts";
import type { ServerProcess } from "../support/program.ts";
import { integrityOf, runSql } from "../support/sql-process.ts";
import { type ExecutionContext, test } from "../support/test.ts";
import { until } from "../support/until.ts";

const TARGET = { conversationType: 3, targetId: "g" };
const USERS = Array.from({ length: 10 }, (_, index) => `n${index}`);

interface Pair {
  readonly deployment: Deployment;
  readonly path: string;
  readonly one: ServerProcess;
  readonly other: ServerProcess;
  /** Has a server store a notice of a user, and answers the status. */
  readonly capture: (server: ServerProcess, user: string) => Promise<number>;
  /** Fails unless a server reads the store. */
  readonly reads: (server: ServerProcess) => Promise<void>;
  /** Waits until no notice waits, ends the servers, and fails unless the file is intact. */
  readonly end: () => Promise<void>;
}

const startPair = async (t: ExecutionContext): Promise<Pair> => {
  const deployment = await makeDeployment();
  const { dir, relate, start, tokenFor, withOutbox, close } = deployment;
  t.teardown(close);
  await relate(({ addMembers }) => addMembers(id("g"), USERS.map(id)));
  const [one, other] = [await start(), await start()];
  const post = async (server: ServerProcess, route: string, user: string) =>
    (await postJson(server, `/misc/${route}`, await tokenFor(user), TARGET)).status;
  return {
    deployment,
    path: join(dir, "store.db"),
    one,
    other,
    capture: (server, user) => post(server, "send_sc_msg", user),
    reads: async (server) => {
      t.is(await post(server, "get_screen_capture", "n0"), 200);
    },
    end: async () => {
      await until("no notice waits", async () => {
        const { pending } = await withOutbox(({ status }) => status(Date.now()));
        return pending === 0;
      });
      t.deepEqual([await one.end("SIGTERM"), await other.end("SIGTERM")], [0, 0]);
      t.is(await integrityOf(join(dir, "store.db")), "ok");
    },
  };
};

/**
 * Fails unless RongCloud took each acknowledged notice once and in order. A set that is refused after
 * a deadline may be kept all the same, once and in its place.
 */
const deliveredOnce = (
  t: ExecutionContext,
  { rongCloud }: Deployment,
  acknowledged: ReadonlyArray<string>,
  refused: ReadonlyArray<string>,
): void => {
  const senders = rongCloud.taken.map(({ form }) => form.fromUserId ?? "");
  t.deepEqual(
    senders.filter((sender) => !refused.includes(sender)),
    acknowledged,
  );
  t.is(new Set(senders).size, senders.length);
};

test("two servers refuse changes while a stopped process has the lock, and read on", async (t) => {
  const { deployment, path, one, other, capture, reads, end } = await startPair(t);
  t.is(await capture(one, "n0"), 200);
  const holder = await runSql(t, path, "BEGIN IMMEDIATE", "INSERT INTO friends VALUES ('u', 'v')");
  holder.child.kill("SIGSTOP");
  t.deepEqual(await Promise.all([capture(one, "n1"), capture(other, "n2")]), [503, 503]);
  await Promise.all([reads(one), reads(other)]);
  holder.child.kill("SIGCONT");
  await holder.end();
  t.deepEqual([await capture(one, "n3"), await capture(other, "n4")], [200, 200]);
  await end();
  deliveredOnce(t, deployment, ["n0", "n3", "n4"], ["n1", "n2"]);
});

// The schema's journal_size_limit, beyond which a log is shortened once it was written back.
const LOG_BYTES = 16 * 2 ** 20;
const AT_ONCE = 25;
const MAX_SETS = 100_000;

test("two servers set while another process reads for long, and then shorten the log", async (t) => {
  const { deployment, path, one, other, capture, reads } = await startPair(t);
  const { rongCloud, withOutbox } = deployment;
  // What is acknowledged stays in the outbox until the reader has ended.
  rongCloud.behave({ status: 429, code: 1008, retryAfter: 600 });
  const reader = await runSql(t, path, "BEGIN", "SELECT count(*) FROM friends");
  const logBytes = async (): Promise<number> => (await stat(`${path}-wal`)).size;
  let sets = 0;
  while ((await logBytes()) <= LOG_BYTES) {
    const some = Array.from({ length: AT_ONCE }, () => [capture(one, "n1"), capture(other, "n2")]);
    t.true((await Promise.all(some.flat())).every((status) => status === 200));
    sets += 2 * AT_ONCE;
    t.true(sets < MAX_SETS);
  }
  await Promise.all([reads(one), reads(other)]);
  t.log(`sets: ${sets}`);
  await reader.end();
  // The first commit writes the log back, the second begins it anew.
  while ((await logBytes()) > LOG_BYTES) {
    t.is(await capture(one, "n3"), 200);
    sets += 1;
    t.true(sets < MAX_SETS);
  }
  const { pending, dead } = await withOutbox(({ status }) => status(Date.now()));
  t.deepEqual({ pending, dead }, { pending: sets, dead: 0 });
  t.deepEqual([await one.end("SIGTERM"), await other.end("SIGTERM")], [0, 0]);
  t.is(await integrityOf(path), "ok");
});
