/** Starts the servers and stores that the bench measures, and ends them. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { openRedisStore } from "../../adapters/redis/mod.ts";
import { openSqliteStore } from "../../adapters/sqlite/mod.ts";
import { succeed } from "../contract/expect.ts";
import { MAIN, startProgram } from "../support/program.ts";
import { freePort, startRedisServer } from "../support/redis-server.ts";
import { enrol, SECRET } from "./loads.ts";

export type Env = Readonly<Record<string, string>>;
export type Server = Readonly<{ url: string; pid: number | undefined; end: () => Promise<void> }>;

const ends: Array<() => Promise<void>> = [];
const root = mkdtempSync(join(tmpdir(), "bench-"));
/** Makes a folder that is removed when the bench ends. */
export const makeDir = (): string => mkdtempSync(join(root, "data-"));

/** Ends all processes that have been started. Each of them gets its signal at once. */
export const endAll = async (): Promise<void> => {
  await Promise.all(ends.splice(0).map((end) => end()));
};
process.once("exit", () => {
  void endAll();
  rmSync(root, { recursive: true, force: true });
});
process.once("SIGINT", () => process.exit(1)).once("SIGTERM", () => process.exit(1));

const start = (main: string, argument: string, env: Env) => {
  const child = startProgram([argument], env, main);
  child.stderr.pipe(process.stderr);
  const early = `${main} ${argument} ended early.`;
  child.once("exit", (_, signal) => assert.equal(signal, "SIGKILL", early));
  const end = async (): Promise<void> => {
    if (child.kill("SIGKILL")) {
      await once(child, "exit");
    }
  };
  ends.push(end);
  return { output: once(child.stdout, "data"), pid: child.pid, end };
};

/** Starts a server of children.ts, which prints its URL. */
export const startChild = async (kind: string, env: Env = {}): Promise<Server> => {
  const { output, ...child } = start("dist/test/bench/children.js", kind, env);
  return { url: String(await output), ...child };
};

/** Starts the built server and waits for its first answer. */
export const startServer = async (env: Env): Promise<Server> => {
  const PORT = String(await freePort());
  const url = `http://127.0.0.1:${PORT}`;
  const child = start(MAIN, "serve", { PORT, ...env });
  // The server does not log that it listens, since LOG_LEVEL is error.
  while (!(await fetch(`${url}/misc/mobile_version`).catch(() => undefined))?.ok) {
    await setTimeout(2);
  }
  return { url, ...child };
};

/** Starts RongCloud's stub, and returns the environment of servers that send to it. */
export const startRongCloud = async (groupPerSecond: number = 20): Promise<Env> => ({
  SESSION_SECRET: new TextDecoder().decode(SECRET),
  RATE_LIMIT: "0",
  LOG_LEVEL: "error",
  RONGCLOUD_APP_KEY: "key",
  RONGCLOUD_APP_SECRET: "secret",
  RONGCLOUD_API: (await startChild("rongcloud")).url,
  // Only send_message sends private messages. Notices are group messages here.
  RONGCLOUD_PRIVATE_PER_MINUTE: "60000000",
  RONGCLOUD_GROUP_PER_SECOND: String(groupPerSecond),
  ...JSON.parse(process.env.BENCH_ENV ?? "{}"),
});

/** Makes a store in which the caller is enrolled, and returns the environment of a server on it. */
export const makeStore = async (kind: "sqlite" | "redis"): Promise<Env> => {
  const dir = makeDir();
  const redis = kind === "redis" ? await startRedisServer() : undefined;
  ends.push(async () => redis?.close());
  const store = redis
    ? await openRedisStore({ urls: [redis.url] })
    : await succeed(openSqliteStore({ dir }));
  await succeed(enrol(store.relationships));
  await store.close();
  return { STORE: kind, DATA_DIR: dir, ...(redis && { REDIS_URL: redis.url }) };
};

/** Returns the resident memory of a process in megabytes, as Linux counts it. */
export const megabytesOf = async ({ pid }: Server): Promise<number> => {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]) / 1_024;
};
