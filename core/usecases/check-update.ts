import { pipe } from "fp-ts/lib/function.js";
import type { Option } from "fp-ts/lib/Option.js";
import * as TE from "fp-ts/lib/TaskEither.js";
import { parseAppVersion } from "../domain/app-version.ts";
import type { InvalidVersion, VersionsUnavailable } from "../domain/errors.ts";
import { type DesktopRelease, updateFor } from "../domain/release.ts";
import type { VersionSource } from "../ports/version-source.ts";

/** Answers with the desktop release that a client of this version should install, if any. */
export const checkUpdate =
  (ports: { readonly versions: VersionSource }) =>
  (version: string): TE.TaskEither<InvalidVersion | VersionsUnavailable, Option<DesktopRelease>> =>
    pipe(
      TE.fromEither(parseAppVersion(version)),
      TE.chainW((current) =>
        pipe(
          ports.versions.current(),
          TE.map(({ desktop }) => updateFor(desktop)(current)),
        ),
      ),
    );
