import { join } from "node:path";
import { type Deployment, makeDeployment, postJson } from "./deployment.ts";
import type { ServerProcess } from "./program.ts";
import { integrityOf } from "./sql-process.ts";
import type { TempDir } from "./temp-dir.ts";
import type { ExecutionContext } from "./test.ts";

/** A server under test, and the sets that it has acknowledged. */
export interface Subject {
  readonly server: ServerProcess;
  readonly deployment: Deployment;
  /** The file of the store. */
  readonly path: string;
  /** Turns the notices on or off; a set that is answered with 200 is remembered. */
  readonly set: () => Promise<Response>;
  /** Fails unless the server answers the status that was acknowledged last. */
  readonly answersReads: () => Promise<void>;
  /**
   * Fails unless the server refuses sets for this reason and goes on with what needs no store.
   * `reads`: whether it still reads the store. `ready`: whether /readyz may say that it is ready.
   */
  readonly refuses: (
    reason: RegExp,
    options?: { readonly reads?: boolean; readonly ready?: boolean },
  ) => Promise<void>;
  /**
   * Fails unless the server works, another one delivers every acknowledged set in order after a
   * kill, and the file is intact.
   */
  readonly recovers: () => Promise<void>;
  /** The same, without the sets that show that the server works: after it has ended, or was killed. */
  readonly delivers: () => Promise<void>;
}

const CONVERSATION = { conversationType: 3, targetId: "g" };
const ERROR = 50;

/** Starts a server on a store in a folder; one set is acknowledged. */
export const startSubject = async (t: ExecutionContext, place?: TempDir): Promise<Subject> => {
  const deployment = await makeDeployment(place);
  const { dir, rongCloud, start, run, tokenFor, close } = deployment;
  t.teardown(close);
  // What is acknowledged stays in the outbox until the end, and no relay claims it.
  rongCloud.behave({ status: 429, code: 1008, retryAfter: 600 });
  const server = await start();
  const alice = await tokenFor("alice");
  const path = join(dir, "store.db");
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

  const read = (from: ServerProcess): Promise<Response> =>
    postJson(from, "/misc/get_screen_capture", alice, CONVERSATION);

  const expectStatus = async (from: ServerProcess): Promise<void> => {
    t.deepEqual(await (await read(from)).json(), {
      code: 200,
      result: { status: acknowledged.at(-1) ?? 0 },
    });
  };

  const expectRefusal = async (refused: Response, reason: RegExp): Promise<void> => {
    t.is(refused.status, 503);
    t.like(await refused.json(), { code: 503, error: "STORE_UNAVAILABLE" });
    const requestId = refused.headers.get("x-request-id");
    const line = await server.line((logged) => logged.requestId === requestId);
    t.like(line, { level: ERROR, msg: "request failed", error: { _tag: "STORE_UNAVAILABLE" } });
    t.regex(JSON.stringify(line.error), reason);
  };

  const delivers = async (): Promise<void> => {
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
    t.is(await integrityOf(path), "ok");
  };

  t.is((await set()).status, 200);
  await server.line(({ msg }) => msg === "notice postponed");
  return {
    server,
    deployment,
    path,
    set,
    answersReads: () => expectStatus(server),
    refuses: async (reason, { reads = true, ready = false } = {}) => {
      await expectRefusal(await set(), reason);
      for (const response of await Promise.all([set(), set(), set()])) {
        t.is(response.status, 503);
      }
      if (reads) {
        await expectStatus(server);
      } else {
        await expectRefusal(await read(server), reason);
      }
      t.is((await fetch(`${server.url}/misc/mobile_version`)).status, 200);
      const { unready } = JSON.parse(await (await fetch(`${server.url}/readyz`)).text());
      t.true(ready || unready.includes("store"));
    },
    recovers: async () => {
      t.is((await set()).status, 200);
      t.is((await set()).status, 200);
      await expectStatus(server);
      t.is(await server.end("SIGKILL"), "SIGKILL");
      await delivers();
    },
    delivers,
  };
};
