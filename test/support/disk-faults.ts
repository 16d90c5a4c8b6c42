/** Real faults of a disk, by the kernel's own means; each says whether this machine has them. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { open, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { makeTempDir, type TempDir } from "./temp-dir.ts";
import { type ExecutionContext, test } from "./test.ts";

const run = (command: string, ...args: ReadonlyArray<string>): boolean =>
  spawnSync(command, args, { stdio: "ignore" }).status === 0;

const must = (command: string, ...args: ReadonlyArray<string>): void => {
  const { status, stderr } = spawnSync(command, args, { encoding: "utf8" });
  if (status !== 0) {
    throw new Error(`${command} ${args.join(" ")}: ${stderr}`);
  }
};

/** What a test needs of its machine. */
export interface Means {
  readonly here: boolean;
  readonly without: string;
}

/** To mount: Linux, and the right to. */
export const MOUNT: Means = {
  here: run("unshare", "--mount", "true"),
  without: "nobody may mount here",
};

/** To make system calls of a process fail, and to see their order. */
export const STRACE: Means = {
  here: run("strace", "-qq", "-o", "/dev/null", "true"),
  without: "strace is missing or may not trace here",
};

/** To limit a process that runs. */
export const PRLIMIT: Means = {
  here: run("prlimit", "--fsize", "true"),
  without: "prlimit is missing here",
};

/** A test that is skipped where a means is missing, and says so. */
export const testWith =
  ({ here, without }: Means) =>
  (title: string, body: (t: ExecutionContext) => Promise<void>): ReturnType<typeof test> =>
    here ? test(title, body) : test.skip(`${title} (skipped: ${without})`, body);

/** A small disk of its own. */
export interface SmallDisk extends TempDir {
  /** Writes until there is no more room. */
  readonly fill: () => Promise<void>;
  /** Makes room again. */
  readonly clear: () => Promise<void>;
}

/** Mounts a disk of so many MiB. */
export const makeSmallDisk = async (t: ExecutionContext, mib: number): Promise<SmallDisk> => {
  const { dir, remove } = await makeTempDir();
  t.teardown(remove);
  must("mount", "-t", "tmpfs", "-o", `size=${mib}m,mode=700`, "tmpfs", dir);
  t.teardown(() => must("umount", "--lazy", dir));
  const filler = join(dir, "filler");
  return {
    dir,
    remove: async () => {},
    fill: async () => {
      const file = await open(filler, "w");
      const page = Buffer.alloc(4_096);
      try {
        for (;;) {
          await file.writeFile(page);
        }
      } catch (fault) {
        t.like(fault, { code: "ENOSPC" });
      } finally {
        await file.close();
      }
    },
    clear: () => rm(filler),
  };
};

/** Makes a mounted disk read-only, or writable again; only while nobody has a file of it open. */
export const remount = (dir: string, how: "ro" | "rw"): void =>
  must("mount", "-o", `remount,${how}`, dir);

/** Lays a read-only view of a folder over it, and answers how to take that away. */
export const coverReadOnly = (t: ExecutionContext, dir: string): (() => void) => {
  must("mount", "--bind", dir, dir);
  let covered = true;
  const uncover = (): void => {
    if (covered) {
      covered = false;
      must("umount", "--lazy", dir);
    }
  };
  t.teardown(uncover);
  must("mount", "-o", "remount,bind,ro", dir);
  return uncover;
};

/** Limits how large a file the process may write; "unlimited" ends that. */
export const limitFileSize = ({ pid }: ChildProcess, bytes: number | "unlimited"): void =>
  must("prlimit", "--pid", String(pid), `--fsize=${bytes}:`);

/** The system calls by which builds of SQLite flush a file, for {@link trace}. */
export const FLUSH = "fdatasync,fsync";

/** A process under observation. */
export interface Traced {
  /** Leaves the process alone again, and answers with what was seen: one event a line, in order. */
  readonly detach: () => Promise<ReadonlyArray<string>>;
}

/**
 * Traces a running process and each of its threads with these expressions of strace's. The trace
 * ends with the process, if not before.
 */
export const trace = async (
  { pid }: ChildProcess,
  ...args: ReadonlyArray<string>
): Promise<Traced> => {
  const { dir, remove } = await makeTempDir();
  const log = join(dir, "trace");
  const strace = spawn("strace", ["-f", "-y", "-o", log, ...args, "-p", String(pid)], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  const events = once(strace, "close").then(async () => {
    const text = await readFile(log, "utf8");
    await remove();
    return text.split("\n");
  });
  let said = "";
  while (!said.includes("attached")) {
    const [chunk] = await once(strace.stderr, "data");
    said += chunk;
  }
  strace.stderr.resume();
  return {
    detach: () => {
      strace.kill("SIGINT");
      return events;
    },
  };
};
