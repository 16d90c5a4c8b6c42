/**
 * A version source that reads release files and follows their changes.
 *
 * @module
 */
import { resolve } from "node:path";
import { isDeepStrictEqual } from "node:util";
import * as E from "fp-ts/lib/Either.js";
import * as O from "fp-ts/lib/Option.js";
import * as TE from "fp-ts/lib/TaskEither.js";
import {
  type Releases,
  type VersionSource,
  type VersionsUnavailable,
  versionsUnavailable,
} from "../../core/mod.ts";
import {
  type ReadReleasesOptions,
  type ReleaseFault,
  type ReleasesRead,
  readReleases,
  releaseFiles,
  renderReleaseFaults,
} from "./read-releases.ts";
import { watchFiles } from "./watch.ts";

/** How long the files must have been left alone before they are read, in milliseconds. */
const QUIET_MS = 100;

/** How long until files that could not be watched are tried again, in milliseconds. */
const RETRY_MS = 5_000;

/** Where the files are, and who wants to hear of their changes. */
export interface FileVersionSourceOptions extends ReadReleasesOptions {
  /** The folder that holds desktop.json, mobile.json and, if there is one, demo_square.json. */
  readonly dir: string;
  /**
   * Called with the releases that are answered from now on, after each change of their content and
   * when broken files are mended; and with the faults, once for each way in which they are broken.
   */
  readonly onReload: (outcome: ReleasesRead) => void;
}

/** An open source, and how to stop watching its files. */
export interface FileVersionSource {
  readonly source: VersionSource;
  readonly close: () => Promise<void>;
}

const unavailable = (faults: ReadonlyArray<ReleaseFault>): VersionsUnavailable =>
  versionsUnavailable(renderReleaseFaults(faults).join("; "));

interface Keeper {
  readonly source: VersionSource;
  readonly take: (outcome: ReleasesRead) => void;
}

const makeKeeper = (first: Releases, onReload: FileVersionSourceOptions["onReload"]): Keeper => {
  let releases = first;
  let faults: ReadonlyArray<ReleaseFault> = [];

  const keep = (read: Releases): void => {
    const isNew = !isDeepStrictEqual(read, releases);
    const isMended = faults.length > 0;
    releases = isNew ? read : releases;
    faults = [];
    if (isNew || isMended) {
      onReload(E.right(releases));
    }
  };

  const complain = (found: ReadonlyArray<ReleaseFault>): void => {
    const isNews = !isDeepStrictEqual(found, faults);
    faults = found;
    if (isNews) {
      onReload(E.left(faults));
    }
  };

  return {
    source: {
      current: () => TE.fromIO(() => releases),
      ready: () => async () =>
        faults.length === 0 ? E.right(undefined) : E.left(unavailable(faults)),
    },
    take: E.match(complain, keep),
  };
};

/**
 * Opens the release files of a folder and follows them. Files that are being written or exchanged
 * one after the other are read once they have been left alone for a tenth of a second.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { isRight } from "fp-ts/lib/Either.js";
 * import { openFileVersionSource, sampleReleasesDir } from "sealtalk-misc/file";
 *
 * const opened = await openFileVersionSource({ dir: sampleReleasesDir, onReload: () => {} })();
 * assert.ok(isRight(opened));
 * assert.ok(isRight(await opened.right.source.current()()));
 * await opened.right.close();
 * ```
 */
export const openFileVersionSource =
  ({
    dir,
    onReload,
    ...options
  }: FileVersionSourceOptions): TE.TaskEither<VersionsUnavailable, FileVersionSource> =>
  async () => {
    const folder = resolve(dir);
    let timer: NodeJS.Timeout | undefined;
    let closed = false;

    const readWhenQuiet = (quietMs: number): void => {
      clearTimeout(timer);
      timer = closed
        ? undefined
        : setTimeout(() => {
            timer = undefined;
            work = work.then(reread);
          }, quietMs);
    };

    const watched = watchFiles(Object.values(releaseFiles(folder)), {
      onChange: () => readWhenQuiet(QUIET_MS),
      onFault: () => readWhenQuiet(RETRY_MS),
    });

    const read = async (): Promise<ReleasesRead> => {
      await watched.follow();
      const outcome = await readReleases(folder, options)();
      return O.match(
        () => outcome,
        (code: string): ReleasesRead =>
          E.left([{ file: folder, field: "file", expected: `one that can be watched (${code})` }]),
      )(watched.fault());
    };

    const reread = async (): Promise<void> => {
      const outcome = await read();
      const changedMeanwhile = timer !== undefined && O.isNone(watched.fault());
      const opened = await opening;
      if (!closed && !changedMeanwhile && E.isRight(opened)) {
        opened.right.take(outcome);
      }
    };

    const close = async (): Promise<void> => {
      closed = true;
      clearTimeout(timer);
      await work;
      await watched.close();
    };

    const opening = read().then(E.map((releases) => makeKeeper(releases, onReload)));
    let work: Promise<unknown> = opening;
    const opened = await opening;
    if (E.isLeft(opened)) {
      await close();
      return E.left(unavailable(opened.left));
    }
    return E.right({ source: opened.right.source, close });
  };
