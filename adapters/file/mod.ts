/**
 * The current releases and the demo square, read from a folder that holds desktop.json, mobile.json
 * and, if there is one, demo_square.json, and read again when they change.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { isRight } from "fp-ts/lib/Either.js";
 * import { readReleases, sampleReleasesDir } from "sealtalk-misc/file";
 *
 * assert.ok(isRight(await readReleases(sampleReleasesDir)()));
 * ```
 *
 * @module
 */
export {
  type FileVersionSource,
  type FileVersionSourceOptions,
  openFileVersionSource,
} from "./file-version-source.ts";
export {
  type ReadReleasesOptions,
  type ReleaseFault,
  type ReleasesRead,
  readReleases,
  renderReleaseFaults,
  sampleReleasesDir,
} from "./read-releases.ts";
