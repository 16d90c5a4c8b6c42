import type { TaskEither } from "fp-ts/lib/TaskEither.js";
import { signSession } from "../../adapters/session/mod.ts";
import { openSqliteStore, type SqliteStore } from "../../adapters/sqlite/mod.ts";
import type { StoreUnavailable } from "../../core/domain/errors.ts";
import type { Outbox } from "../../core/ports/outbox.ts";
import type { RelationshipDirectory } from "../../core/ports/relationships.ts";
import { id, succeed } from "../contract/expect.ts";
import { runCommand } from "./command.ts";
import { type FakeRongCloud, startFakeRongCloud } from "./fake-rongcloud.ts";
import { type Command, type Ended, type ServerProcess, startServer } from "./program.ts";
import { makeTempDir, type TempDir } from "./temp-dir.ts";

/** The real server as a process, on the embedded store, in front of a fake RongCloud. */
export interface Deployment {
  /** Where the servers keep their store. */
  readonly dir: string;
  readonly rongCloud: FakeRongCloud;
  /** Another that knows the same application: who started it ends it. */
  readonly anotherRongCloud: () => Promise<FakeRongCloud>;
  /** Starts a server: the built one under this Node, or what `command` says. */
  readonly start: (
    more?: Readonly<Record<string, string>>,
    command?: Command,
  ) => Promise<ServerProcess>;
  /** Runs a command to its end, in the server's environment. */
  readonly run: (...args: ReadonlyArray<string>) => Promise<Ended>;
  /** A session token of this user. */
  readonly tokenFor: (user: string) => Promise<string>;
  /** Changes who knows whom, as the command line does beside the server. */
  readonly relate: (
    change: (directory: RelationshipDirectory) => ReturnType<RelationshipDirectory["addFriends"]>,
  ) => Promise<void>;
  /** Works on the outbox, as the command line does beside the server. */
  readonly withOutbox: <A>(use: (outbox: Outbox) => TaskEither<StoreUnavailable, A>) => Promise<A>;
  readonly close: () => Promise<void>;
}

const APPLICATION = { appKey: "app-key", appSecret: "app-secret" };
const SESSION_SECRET = "a secret of more than thirty-two bytes";
const HOUR_MS = 3_600_000;

/**
 * Prepares a deployment in which alice and bob are friends, and both are in group g; `more` is for
 * the environment of the server and of commands.
 */
export const makeDeployment = async (
  place?: TempDir,
  more: Readonly<Record<string, string>> = {},
): Promise<Deployment> => {
  const { dir, remove } = place ?? (await makeTempDir());
  const rongCloud = await startFakeRongCloud(APPLICATION);
  const withStore = async <A>(
    use: (store: SqliteStore) => TaskEither<StoreUnavailable, A>,
  ): Promise<A> => {
    const store = await succeed(openSqliteStore({ dir }));
    const answer = await succeed(use(store));
    await store.close();
    return answer;
  };
  const relate: Deployment["relate"] = (change) =>
    withStore(({ relationships }) => change(relationships));
  await relate(({ addFriends }) => addFriends([[id("alice"), id("bob")]]));
  await relate(({ addMembers }) => addMembers(id("g"), [id("alice"), id("bob")]));
  const servers: ServerProcess[] = [];
  const variables = {
    DATA_DIR: dir,
    SESSION_SECRET,
    RONGCLOUD_APP_KEY: APPLICATION.appKey,
    RONGCLOUD_APP_SECRET: APPLICATION.appSecret,
    RONGCLOUD_API: rongCloud.url,
    RATE_LIMIT: "0",
    ...more,
  };
  return {
    dir,
    rongCloud,
    anotherRongCloud: () => startFakeRongCloud(APPLICATION),
    start: async (its = {}, command) => {
      const server = await startServer({ ...variables, ...its }, command);
      servers.push(server);
      return server;
    },
    run: (...args) => runCommand(args, variables),
    tokenFor: (user) =>
      signSession({
        secret: new TextEncoder().encode(SESSION_SECRET),
        user: id(user),
        expiresAt: Date.now() + HOUR_MS,
      })(),
    relate,
    withOutbox: (use) => withStore(({ outbox }) => use(outbox)),
    close: async () => {
      // Of a test that failed, stopped ones too; the others have ended theirs.
      await Promise.all(servers.map(({ end }) => end("SIGKILL")));
      await rongCloud.close();
      await remove();
    },
  };
};

/** Sends JSON to a route of a server, with a session. */
export const postJson = (
  { url }: Pick<ServerProcess, "url">,
  path: string,
  token: string,
  body: unknown,
): Promise<Response> =>
  fetch(`${url}${path}`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
