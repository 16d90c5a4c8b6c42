import { pipe } from "fp-ts/lib/function.js";
import * as TE from "fp-ts/lib/TaskEither.js";
import type { VersionsUnavailable } from "../domain/errors.ts";
import type { MobileReleases } from "../domain/release.ts";
import type { VersionSource } from "../ports/version-source.ts";

/** Answers with the current builds for both mobile platforms. */
export const mobileVersions =
  (ports: { readonly versions: VersionSource }) =>
  (): TE.TaskEither<VersionsUnavailable, MobileReleases> =>
    pipe(
      ports.versions.current(),
      TE.map(({ mobile }) => mobile),
    );
