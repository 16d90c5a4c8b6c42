import { readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { makeDeployment, postJson } from "../support/deployment.ts";
import {
  coverReadOnly,
  limitFileSize,
  MOUNT,
  makeSmallDisk,
  PRLIMIT,
  remount,
  STRACE,
  testWith,
  trace,
} from "../support/disk-faults.ts";
import { runProgram, type ServerProcess, startServer } from "../support/program.ts";
import { makeTempDir, type TempDir } from "../support/temp-dir.ts";
import { type ExecutionContext, test } from "../support/test.ts";

const CONVERSATION = { conversationType: 3, targetId: "g" };

/** A server, and what it has acknowledged. */
interface Subject {
  readonly server: ServerProcess;
  /** Switches the notices over; 200 is remembered. */
  readonly set: () => Promise<Response>;
  /**
   * Fails unless a set is refused, for this reason, while what needs no disk goes on. `ready`: there
   * may be room for what /readyz tries.
   */
  readonly refuses: (reason: RegExp, ready?: "ready") => Promise<void>;
  /** Fails unless it works, and after a kill every set that was acknowledged is delivered. */
  readonly recovers: () => Promise<void>;
}

const startSubject = async (t: ExecutionContext, place: TempDir): Promise<Subject> => {
  const { rongCloud, start, run, tokenFor, close } = await makeDeployment(place);
  t.teardown(close);
  // Whatever is acknowledged stays in the outbox until the end, and nobody claims it.
  rongCloud.behave({ status: 429, code: 1008, retryAfter: 600 });
  const server = await start();
  const alice = await tokenFor("alice");
  const acknowledged: number[] = [];
  const next = (): 0 | 1 => (acknowledged.at(-1) === 1 ? 0 : 1);

  const set = async (): Promise<Response> => {
    const noticeStatus = next();
    const response = await postJson(server, "/misc/set_screen_capture", alice, {
      ...CONVERSATION,
      noticeStatus,
    });
    if (response.status === 200) {
      acknowledged.push(noticeStatus);
    }
    return response;
  };

  const statusAt = async (from: ServerProcess): Promise<unknown> => {
    const response = await postJson(from, "/misc/get_screen_capture", alice, CONVERSATION);
    return response.json();
  };

  const expectStatus = async (from: ServerProcess): Promise<void> => {
    t.deepEqual(await statusAt(from), { code: 200, result: { status: acknowledged.at(-1) ?? 0 } });
  };

  t.is((await set()).status, 200);
  await server.line(({ msg }) => msg === "notice postponed");
  return {
    server,
    set,
    refuses: async (reason, ready) => {
      const refused = await set();
      t.is(refused.status, 503);
      t.like(await refused.json(), { code: 503, error: "STORE_UNAVAILABLE" });
      const requestId = refused.headers.get("x-request-id");
      const line = await server.line((logged) => logged.requestId === requestId);
      t.like(line, { level: ERROR, msg: "request failed", error: { _tag: "STORE_UNAVAILABLE" } });
      t.regex(JSON.stringify(line.error), reason);
      for (const response of await Promise.all([set(), set(), set()])) {
        t.is(response.status, 503);
      }
      await expectStatus(server);
      t.is((await fetch(`${server.url}/misc/mobile_version`)).status, 200);
      const { unready } = JSON.parse(await (await fetch(`${server.url}/readyz`)).text());
      t.true(ready === "ready" || unready.includes("store"));
    },
    recovers: async () => {
      t.is((await set()).status, 200);
      t.is((await set()).status, 200);
      await expectStatus(server);
      t.is(await server.end("SIGKILL"), "SIGKILL");
      rongCloud.behave("take");
      const heir = await start();
      await expectStatus(heir);
      t.is((await run("outbox", "retry")).code, 0);
      await rongCloud.whenTaken(acknowledged.length);
      t.is(await heir.end("SIGTERM"), 0);
      t.deepEqual(
        rongCloud.taken.map(({ form }) => JSON.parse(form.content ?? "").operation),
        acknowledged.map((on) => (on === 1 ? "openScreenNtf" : "closeScreenNtf")),
      );
    },
  };
};

const ERROR = 50;
const SESSION_SECRET = "a secret of more than thirty-two bytes";

testWith(MOUNT)("on a full disk sets are refused, reads go on, and room cures it", async (t) => {
  const disk = await makeSmallDisk(t, 48);
  const { refuses, recovers } = await startSubject(t, disk);
  await disk.fill();
  await refuses(/ENOSPC/);
  await disk.clear();
  await recovers();
});

testWith(MOUNT)("on a full disk a server starts with the store that it has", async (t) => {
  const disk = await makeSmallDisk(t, 48);
  const variables = { DATA_DIR: disk.dir, SESSION_SECRET };
  t.is((await runProgram(["friends", "add", "alice", "bob"], variables)).code, 0);
  await disk.fill();
  const server = await startServer(variables);
  t.teardown(async () => {
    await server.end("SIGKILL");
  });
  t.is((await runProgram(["friends", "list", "alice"], variables)).stdout, "bob\n");
  t.like(await (await fetch(`${server.url}/readyz`)).json(), { code: 503, unready: ["store"] });
  await disk.clear();
  t.is((await fetch(`${server.url}/readyz`)).status, 200);
  t.is(await server.end("SIGTERM"), 0);
});

testWith(MOUNT)(
  "on a full disk no store is begun, and one is as soon as there is room",
  async (t) => {
    const disk = await makeSmallDisk(t, 48);
    const variables = { DATA_DIR: disk.dir, SESSION_SECRET };
    await disk.fill();
    for (const args of [["friends", "add", "alice", "bob"], ["serve"]]) {
      const { code, stderr } = await runProgram(args, variables);
      t.is(code, 1);
      t.regex(stderr, /^.*ENOSPC.*\n$/);
    }
    await disk.clear();
    t.is((await runProgram(["friends", "add", "alice", "bob"], variables)).code, 0);
  },
);

for (const [fault, injection, reason] of [
  ["a flush fails", "fdatasync:error=EIO", /EIO/],
  ["a transaction cannot be marked as the last", "pwrite64:error=EIO", /EIO/],
  ["nothing can be written", "writev,pwrite64:error=EROFS", /EROFS/],
  ["there is no room after all", "writev,pwrite64:error=ENOSPC", /ENOSPC/],
] as const) {
  testWith(STRACE)(`while ${fault} sets are refused, reads go on, and it passes`, async (t) => {
    const place = await makeTempDir();
    const { server, refuses, recovers } = await startSubject(t, place);
    const { detach } = await trace(
      t,
      server.child,
      "-P",
      join(place.dir, "store.mdb"),
      "-e",
      `inject=${injection}`,
    );
    await refuses(reason);
    t.true((await detach()).some((line) => line.includes("(INJECTED)")));
    await recovers();
  });
}

testWith(PRLIMIT)("a store that may not grow refuses sets, and the process lives", async (t) => {
  const place = await makeTempDir();
  const { server, set, refuses, recovers } = await startSubject(t, place);
  const { size } = await stat(join(place.dir, "store.mdb"));
  limitFileSize(server.child, size);
  let sets = 0;
  while ((await set()).status === 200) {
    sets += 1;
    t.true(sets < MOST_SETS);
  }
  await refuses(/EFBIG|EIO/, "ready");
  limitFileSize(server.child, "unlimited");
  await recovers();
});

testWith(MOUNT)("a folder that turns read-only refuses sets until it is not", async (t) => {
  const disk = await makeSmallDisk(t, 48);
  const { refuses, recovers } = await startSubject(t, disk);
  const uncover = coverReadOnly(t, disk.dir);
  await refuses(/EROFS/);
  uncover();
  await recovers();
});

testWith(MOUNT)("on a read-only disk a server does not start, and says why", async (t) => {
  const { dir } = await makeSmallDisk(t, 48);
  const variables = { DATA_DIR: dir, SESSION_SECRET };
  t.is((await runProgram(["friends", "add", "alice", "bob"], variables)).code, 0);
  remount(dir, "ro");
  for (const args of [["friends", "list", "alice"], ["serve"]]) {
    const { code, stderr } = await runProgram(args, variables);
    t.is(code, 1);
    t.regex(stderr, /^.*store\.mdb.*EROFS.*\n$/);
  }
  remount(dir, "rw");
  t.is((await runProgram(["friends", "list", "alice"], variables)).stdout, "bob\n");
});

testWith(STRACE)(
  "a set is answered after the flush, and after its mark is on the disk",
  async (t) => {
    const { server, set } = await startSubject(t, await makeTempDir());
    const { detach } = await trace(
      t,
      server.child,
      "-e",
      "trace=fdatasync,pwrite64,write,writev",
      "-e",
      "inject=fdatasync:delay_enter=200000",
    );
    t.is((await set()).status, 200);
    const events = await detach();
    const written = events.findIndex((event) => /\bp?write(v|64)\(.*store\.mdb/.test(event));
    const flushed = events.findIndex((event) => /\bfdatasync\b.* = 0 \(DELAYED\)/.test(event));
    const marked = events.findIndex(
      (event, index) => index > flushed && /\bpwrite64\(.*store\.mdb.* = \d+$/.test(event),
    );
    const answered = events.findIndex((event) => event.includes("HTTP/1.1 200"));
    t.true(0 <= written && written < flushed && flushed < marked && marked < answered);
  },
);

test("a store's file that was cut short is refused", async (t) => {
  const { dir, remove } = await makeTempDir();
  t.teardown(remove);
  const variables = { DATA_DIR: dir };
  const path = join(dir, "store.mdb");
  t.is((await runProgram(["friends", "list", "alice"], variables)).code, 0);
  await writeFile(path, (await readFile(path)).subarray(0, 4_096));
  const { code, stderr } = await runProgram(["friends", "list", "alice"], variables);
  t.is(code, 1);
  t.regex(stderr, /^.*store\.mdb is not an LMDB store\n$/);
});

const MOST_SETS = 500;
