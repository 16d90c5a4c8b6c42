import * as E from "fp-ts/lib/Either.js";
import { pipe } from "fp-ts/lib/function.js";
import type { Option } from "fp-ts/lib/Option.js";
import type * as TE from "fp-ts/lib/TaskEither.js";
import { parseAppVersion } from "../domain/app-version.ts";
import type { InvalidVersion, VersionsUnavailable } from "../domain/errors.ts";
import { type DesktopRelease, updateFor } from "../domain/release.ts";
import type { VersionSource } from "../ports/version-source.ts";

/** Answers with the desktop release that a client of this version should install, if any. */
export const checkUpdate =
  (ports: { readonly versions: VersionSource }) =>
  (version: string): TE.TaskEither<InvalidVersion | VersionsUnavailable, Option<DesktopRelease>> =>
  async () => {
    const current = parseAppVersion(version);
    if (E.isLeft(current)) {
      return current;
    }
    const releases = await ports.versions.current()();
    return pipe(
      releases,
      E.map(({ desktop }) => updateFor(desktop)(current.right)),
    );
  };
