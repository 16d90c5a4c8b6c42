import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { type Connection, createConnection } from "mysql2/promise";
import { freePort } from "./redis-server.ts";
import { makeTempDir } from "./temp-dir.ts";

/** A real mariadbd on a free port of this machine, with nothing in it. */
export interface MariaDbServer {
  readonly port: number;
  /** Connects as the user who may do everything. */
  readonly connect: () => Promise<Connection>;
  /** Runs SQL, one statement or several, as that user. */
  readonly run: (sql: string) => Promise<void>;
  readonly signal: (signal: NodeJS.Signals) => void;
  /** Starts it again where it was, after it has ended. */
  readonly restart: () => Promise<void>;
  /** Waits until it has ended. */
  readonly ended: () => Promise<void>;
  readonly close: () => Promise<void>;
}

// As root it runs only when it is told so, and nothing here has to outlive the machine.
const AS_ROOT = process.getuid?.() === 0 ? ["--user=root"] : [];
const QUICK = ["--innodb-log-file-size=4M", "--innodb-flush-method=nosync"];

// Debian has daemons where only root looks.
const ENV = { ...process.env, PATH: `${process.env.PATH}:/usr/local/sbin:/usr/sbin` };

/** Starts a mariadbd and waits until it takes connections. */
export const startMariaDbServer = async (
  ...options: ReadonlyArray<string>
): Promise<MariaDbServer> => {
  const { dir, remove } = await makeTempDir();
  const [data, socketPath] = [join(dir, "data"), join(dir, "socket")];
  const port = await freePort();
  await promisify(execFile)("mariadb-install-db", [
    ...["--no-defaults", `--datadir=${data}`, ...AS_ROOT, ...QUICK],
    ...["--auth-root-authentication-method=normal", "--skip-test-db"],
  ]);
  const start = (): Promise<ChildProcess> =>
    startProcess([
      ...["--no-defaults", `--datadir=${data}`, `--socket=${socketPath}`, ...AS_ROOT, ...QUICK],
      ...[`--port=${port}`, "--bind-address=127.0.0.1", "--skip-name-resolve", ...options],
    ]);
  let child = await start();
  const ended = async (): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) {
      await once(child, "exit");
    }
  };
  const connect = (): Promise<Connection> =>
    createConnection({ socketPath, user: "root", multipleStatements: true });
  return {
    port,
    connect,
    run: async (sql) => {
      const admin = await connect();
      try {
        await admin.query(sql);
      } finally {
        await admin.end();
      }
    },
    signal: (signal) => child.kill(signal),
    restart: async () => {
      child = await start();
    },
    ended,
    close: async () => {
      child.kill("SIGKILL");
      await ended();
      await remove();
    },
  };
};

const startProcess = async (args: ReadonlyArray<string>): Promise<ChildProcess> => {
  const child = spawn("mariadbd", args, { env: ENV, stdio: ["ignore", "ignore", "pipe"] });
  const said: string[] = [];
  await new Promise<void>((resolve, reject) => {
    createInterface(child.stderr).on("line", (line) => {
      said.push(line);
      if (line.includes("ready for connections")) {
        resolve();
      }
    });
    child.once("error", reject);
    child.once("exit", (code) =>
      reject(new Error(`mariadbd ended with ${code}: ${said.join("\n")}`)),
    );
  });
  return child;
};
