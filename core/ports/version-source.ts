import type { TaskEither } from "fp-ts/lib/TaskEither.js";
import type { VersionsUnavailable } from "../domain/errors.ts";
import type { Releases } from "../domain/release.ts";

/** Where the current releases are read from. */
export interface VersionSource {
  /**
   * - The desktop and the mobile releases and the demo square of one answer belong together: an
   *   answer never holds half of a change.
   * - As long as nothing has changed, every answer is the same object.
   * - A source that has had valid releases goes on answering with the last one, whatever becomes of it.
   * - `VERSIONS_UNAVAILABLE`: there have been no valid ones.
   */
  readonly current: () => TaskEither<VersionsUnavailable, Releases>;

  /** Succeeds while what `current` answers is also what the source holds now. */
  readonly ready: () => TaskEither<VersionsUnavailable, void>;
}
