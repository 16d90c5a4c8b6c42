import { constants } from "node:fs";
import { access, statfs } from "node:fs/promises";
import { dirname } from "node:path";
import * as TE from "fp-ts/lib/TaskEither.js";
import type { StoreUnavailable } from "../../core/mod.ts";
import { unavailable } from "./reason.ts";

const MIB = 2 ** 20;

// More than the pages of one commit, which is of a hundred actions at most.
const KEPT_FREE_MIB = 32;

/**
 * Looks whether the disk would take a commit to the file `path`. LMDB is kept from finding out by
 * itself: where a write finds no room it overruns a buffer of its own, and a new file that it cannot
 * write whole ends the process.
 */
export const askDisk = (path: string): TE.TaskEither<StoreUnavailable, void> =>
  TE.tryCatch(async () => {
    await access(path, constants.R_OK | constants.W_OK);
    const { bavail, bsize } = await statfs(path);
    if (bavail * bsize < KEPT_FREE_MIB * MIB) {
      throw new Error(`ENOSPC: less than ${KEPT_FREE_MIB} MiB are free where ${dirname(path)} is`);
    }
  }, unavailable);
