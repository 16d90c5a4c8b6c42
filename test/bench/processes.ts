/** The processes that are measured. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createInterface } from "node:readline";
import { setTimeout } from "node:timers/promises";
import { MAIN } from "../support/program.ts";
import { freePort } from "../support/redis-server.ts";
import type { Defer } from "./cleanup.ts";

/** A server that is measured. */
export interface Measured {
  readonly url: string;
  readonly pid: number | undefined;
  readonly end: () => Promise<void>;
}

/** Ours, which can be killed too: then it finishes nothing. */
export interface Ours extends Measured {
  readonly kill: () => Promise<void>;
}

type Variables = Readonly<Record<string, string>>;

const PATIENCE_MS = 15_000;

// Whatever else fails, none outlives the bench.
const children = new Set<ChildProcess>();
process.once("exit", () => {
  for (const child of children) {
    child.kill("SIGKILL");
  }
});

/** Has a process end with the bench. */
export const keep = <Child extends ChildProcess>(child: Child): Child => {
  children.add(child);
  child.once("close", () => children.delete(child));
  return child;
};

/** Ends a process: by SIGTERM, unless it is told otherwise, and with patience. */
export const endOf =
  (child: ChildProcess) =>
  async (signal: NodeJS.Signals = "SIGTERM"): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) {
      return;
    }
    const closed = once(child, "close");
    child.kill(signal);
    const patience = AbortSignal.timeout(PATIENCE_MS);
    patience.addEventListener("abort", () => child.kill("SIGKILL"), { once: true });
    await closed;
  };

const untimely = async (child: ChildProcess, what: string): Promise<never> => {
  const [status] = await once(child, "close");
  throw new Error(`${what} ended with ${status}`);
};

/** Runs a server that prints its address on its first line. */
export const startPrinting = async (
  defer: Defer,
  [program, ...args]: readonly [string, ...string[]],
  variables: Variables,
): Promise<Measured> => {
  const child = keep(
    spawn(program, args, {
      env: {
        PATH: process.env.PATH,
        HOME: process.env.HOME,
        TMPDIR: process.env.TMPDIR,
        ...variables,
      },
      stdio: ["ignore", "pipe", "inherit"],
    }),
  );
  const end = endOf(child);
  defer(() => end());
  const ended = untimely(child, args.join(" "));
  const [url] = await Promise.race([once(createInterface(child.stdout), "line"), ended]);
  ended.catch(() => {});
  return { url: String(url), pid: child.pid, end: () => end() };
};

/** One of the servers in children/, under this Node. */
export const startChild = (defer: Defer, name: string, variables: Variables): Promise<Measured> =>
  startPrinting(defer, [process.execPath, `dist/test/bench/children/${name}.js`], variables);

/** How ours is started, beside its environment. */
export interface Start {
  readonly ofNode?: ReadonlyArray<string>;
  /** {@link MAIN} unless it says otherwise. */
  readonly main?: string;
}

/**
 * Our server, as a process of its own. It logs errors alone, so not that it listens either: it is
 * asked until it answers.
 */
export const startOurs = async (
  defer: Defer,
  variables: Variables,
  { ofNode = [], main = MAIN }: Start = {},
): Promise<Ours> => {
  const port = await freePort();
  const child = keep(
    spawn(process.execPath, [...ofNode, main, "serve"], {
      env: { PATH: process.env.PATH, PORT: String(port), ...variables },
      stdio: ["ignore", "inherit", "inherit"],
    }),
  );
  const end = endOf(child);
  defer(() => end());
  const url = `http://127.0.0.1:${port}`;
  const ended = untimely(child, "sealtalk-misc serve");
  ended.catch(() => {});
  while (!(await Promise.race([answersAt(`${url}/misc/mobile_version`), ended]))) {
    await setTimeout(2);
  }
  return {
    url,
    pid: child.pid,
    end: async () => {
      // The generator leaves when its time is over: what it asked last is answered behind that.
      await fetch(`${url}/readyz`).catch(() => {});
      await end();
    },
    kill: () => end("SIGKILL"),
  };
};

const answersAt = async (url: string): Promise<boolean> => {
  try {
    return (await fetch(url)).ok;
  } catch {
    return false;
  }
};

/** What a process holds in memory, in megabytes. */
export interface Resident {
  readonly all: number;
  /** Pages of files, such as the store's: the kernel takes them back when it needs them. */
  readonly files: number;
}

/** Reads that of Linux. */
export const residentOf = async ({ pid }: Pick<Measured, "pid">): Promise<Resident> => {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  const megabytes = (field: string): number =>
    Number(new RegExp(`^${field}:\\s+(\\d+) kB`, "m").exec(status)?.[1]) / 1_024;
  return { all: megabytes("VmRSS"), files: megabytes("RssFile") };
};
