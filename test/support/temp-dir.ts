import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** An empty folder, and how to be rid of it. */
export interface TempDir {
  readonly dir: string;
  readonly remove: () => Promise<void>;
}

/** Makes an empty folder for one test. */
export const makeTempDir = async (): Promise<TempDir> => {
  const dir = await mkdtemp(join(tmpdir(), "sealtalk-misc-"));
  return { dir, remove: () => rm(dir, { recursive: true, force: true }) };
};
