import { type ChildProcess, type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";

/** The program as npm installs it. */
export const MAIN = "dist/adapters/program/main.cjs";
const PROGRAM: Command = [process.execPath, MAIN];

/** What a command that has ended printed. */
export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** The environment of a child: the machine's, without what a developer may have set for themselves. */
const environment = (variables: Readonly<Record<string, string>>): NodeJS.ProcessEnv => ({
  PATH: process.env.PATH,
  HOME: process.env.HOME,
  ...variables,
});

/** Runs the built program to its end, or a copy of it. */
export const runProgram = (
  args: ReadonlyArray<string>,
  variables: Readonly<Record<string, string>>,
  main?: string,
): Promise<Ended> => endOf(startProgram(args, variables, main));

/** Returns what a command printed to standard error, without the line that names its embedded store. */
export const complaintsOf = ({ stderr }: Ended, dir: string): string =>
  stderr.replace(`Store: sqlite ${join(dir, "store.db")}\n`, "");

/** Starts the built program. */
export const startProgram = (
  args: ReadonlyArray<string>,
  variables: Readonly<Record<string, string>>,
  main: string = MAIN,
): ChildProcessWithoutNullStreams =>
  spawn(process.execPath, [main, ...args], { env: environment(variables) });

/** Runs the built program on a terminal, which `script` of util-linux makes, to its end. */
export const runOnTerminal = (
  args: ReadonlyArray<string>,
  variables: Readonly<Record<string, string>>,
): Promise<Ended> =>
  endOf(
    spawn("script", ["-qec", [...PROGRAM, ...args].join(" "), "/dev/null"], {
      env: environment({ TERM: "xterm", ...variables }),
    }),
  );

const endOf = async (child: ChildProcessWithoutNullStreams): Promise<Ended> => {
  const ended = once(child, "close");
  const [stdout, stderr] = await Promise.all([textOf(child.stdout), textOf(child.stderr)]);
  const [code] = await ended;
  return { code, stdout, stderr };
};

const textOf = async (stream: AsyncIterable<Buffer>): Promise<string> => {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) {
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
};

/** A log line, as the server prints it. */
export type LogLine = Readonly<Record<string, unknown>>;

/** The real server, as a process of its own. */
export interface ServerProcess {
  readonly url: string;
  readonly child: ChildProcess;
  /** Every log line so far. */
  readonly lines: ReadonlyArray<LogLine>;
  /** The first log line, past or to come, that this is true of. */
  readonly line: (is: (line: LogLine) => boolean) => Promise<LogLine>;
  /** Sends a signal and answers with the exit status, or the signal that ended it. */
  readonly end: (signal: NodeJS.Signals) => Promise<number | string>;
}

/** A program and its arguments. */
export type Command = readonly [string, ...string[]];

/**
 * Starts a server on a free port and waits until its log says that it listens: the built one under
 * this Node, or what `command` says. That may start another process in turn, and a signal is for both.
 */
export const startServer = async (
  variables: Readonly<Record<string, string>>,
  command?: Command,
): Promise<ServerProcess> => {
  const [program, ...args] = command ?? [...PROGRAM, "serve"];
  const child = spawn(program, args, {
    env: environment({ PORT: "0", ...variables }),
    stdio: ["ignore", "pipe", "pipe"],
    detached: command !== undefined,
  });
  const exited = exitOf(child);
  const errors = textOf(child.stderr);
  const { lines, line } = readLog(child.stdout);
  const listening = await Promise.race([
    line(({ msg }) => msg === "listening"),
    exited.then(async (code) => {
      throw new Error(`the server ended with ${code}: ${await errors}`);
    }),
  ]);
  return {
    url: String(listening.url),
    child,
    lines,
    line,
    end: (signal) => {
      if (command !== undefined && child.pid !== undefined) {
        signalGroup(child.pid, signal);
      } else {
        child.kill(signal);
      }
      return exited;
    },
  };
};

/** What it started may outlive the first of a group; where all are gone there is nothing to do. */
const signalGroup = (group: number, signal: NodeJS.Signals): void => {
  try {
    process.kill(-group, signal);
  } catch (fault) {
    if (!(fault instanceof Error && "code" in fault && fault.code === "ESRCH")) {
      throw fault;
    }
  }
};

const exitOf = (child: ChildProcess): Promise<number | string> =>
  new Promise((resolve) => {
    child.once("close", (code, signal) => resolve(code ?? signal ?? "unknown"));
  });

const readLog = (stdout: Readable): Pick<ServerProcess, "lines" | "line"> => {
  const lines: LogLine[] = [];
  const waiting = new Set<{
    readonly is: (line: LogLine) => boolean;
    readonly tell: (line: LogLine) => void;
  }>();
  createInterface(stdout).on("line", (text) => {
    const line: LogLine = JSON.parse(text);
    lines.push(line);
    for (const waiter of [...waiting].filter(({ is }) => is(line))) {
      waiting.delete(waiter);
      waiter.tell(line);
    }
  });
  return {
    lines,
    line: (is) => {
      const past = lines.find(is);
      return past === undefined
        ? new Promise((tell) => waiting.add({ is, tell }))
        : Promise.resolve(past);
    },
  };
};
