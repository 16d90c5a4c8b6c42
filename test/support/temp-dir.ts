import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** An empty folder, and how to be rid of it. */
export interface TempDir {
  readonly dir: string;
  readonly remove: () => Promise<void>;
}

// Linux keeps its files in memory.
const MEMORY_DISK = "/dev/shm";

/** Makes an empty folder for one test. */
export const makeTempDir = (): Promise<TempDir> => makeDirIn(tmpdir());

/** Makes an empty folder, in memory if this system can, for a test that would wait for many flushes. */
export const makeFastTempDir = (): Promise<TempDir> =>
  makeDirIn(existsSync(MEMORY_DISK) ? MEMORY_DISK : tmpdir());

const makeDirIn = async (parent: string): Promise<TempDir> => {
  const dir = await mkdtemp(join(parent, "sealtalk-misc-"));
  return { dir, remove: () => rm(dir, { recursive: true, force: true }) };
};
