import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { loadDriver } from "../../adapters/sqlite/driver.ts";
import type { ExecutionContext } from "./test.ts";

/** Another process that has run SQL on a database file, and holds its connection. */
export interface SqlProcess {
  readonly child: ChildProcess;
  /** Ends the transaction that the statements left open, and the process. */
  readonly end: () => Promise<void>;
}

/** Starts a process that runs statements on a database file, and waits until they are done. */
export const runSql = async (
  t: ExecutionContext,
  path: string,
  ...statements: ReadonlyArray<string>
): Promise<SqlProcess> => {
  const child = spawn(process.execPath, ["dist/test/faults/sql.js", path, ...statements], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  t.teardown(() => child.kill("SIGKILL"));
  const ended = once(child, "close").then(([code]) => {
    if (code !== 0) {
      throw new Error(`${statements.join("; ")}: the process ended with ${code}`);
    }
  });
  ended.catch(() => {});
  await Promise.race([once(child.stdout, "data"), ended]);
  return {
    child,
    end: async () => {
      child.stdin.end();
      await ended;
    },
  };
};

/** Runs statements on a database file in another process, and ends that. */
export const runSqlToEnd = async (
  t: ExecutionContext,
  path: string,
  ...statements: ReadonlyArray<string>
): Promise<void> => {
  const { end } = await runSql(t, path, ...statements);
  await end();
};

/** Returns what SQLite's integrity check answers for a database file: "ok", or what is damaged. */
export const integrityOf = async (path: string): Promise<string> => {
  const connect = await loadDriver();
  const connection = connect(path);
  const rows = connection.prepare("PRAGMA integrity_check").all();
  connection.close();
  return rows.map((row) => String(Object.values(row)[0])).join("; ");
};
