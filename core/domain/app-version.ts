/**
 * A client's version: three numeric parts, ordered as Semantic Versioning 2.0.0 orders them.
 *
 * @module
 */
import * as E from "fp-ts/lib/Either.js";
import { pipe } from "fp-ts/lib/function.js";
import * as Ord from "fp-ts/lib/Ord.js";
import { sign } from "fp-ts/lib/Ordering.js";
import type * as t from "io-ts";
import compare from "semver/functions/compare.js";
import parse from "semver/functions/parse.js";
import { guarded } from "./decode.ts";
import type { InvalidVersion } from "./errors.ts";

/** A version as it was written, known to be a semantic one of at most 256 characters. */
export type AppVersion = t.Branded<string, { readonly AppVersion: unique symbol }>;

/**
 * Reads an {@link AppVersion}. A leading `v`, a pre-release and build metadata are read as semver
 * reads them; the text is kept as it is.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { AppVersion } from "sealtalk-misc";
 *
 * assert.equal(AppVersion.is("1.0.2-beta.1+build.7"), true);
 * assert.equal(AppVersion.is("1.0"), false);
 * ```
 */
export const AppVersion: t.Type<AppVersion, AppVersion, unknown> = guarded(
  "a semantic version",
  (value): value is AppVersion =>
    typeof value === "string" && value.trim() === value && parse(value) !== null,
);

/**
 * Parses what a client says its version is.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { left, right } from "fp-ts/lib/Either.js";
 * import { parseAppVersion } from "sealtalk-misc";
 *
 * assert.deepEqual(parseAppVersion("v1.0.0"), right("v1.0.0"));
 * assert.deepEqual(parseAppVersion("abc"), left({ _tag: "INVALID_VERSION" }));
 * ```
 */
export const parseAppVersion = (text: string): E.Either<InvalidVersion, AppVersion> =>
  pipe(
    AppVersion.decode(text),
    E.mapLeft((): InvalidVersion => ({ _tag: "INVALID_VERSION" })),
  );

/**
 * Semver precedence: 1.10.0 is above 1.9.0, a release above its pre-releases, build metadata
 * counts for nothing.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { AppVersion, AppVersionOrd } from "sealtalk-misc";
 *
 * const versions = ["1.10.0", "1.9.0", "1.10.0-rc.1"].filter(AppVersion.is);
 * assert.deepEqual(versions.sort(AppVersionOrd.compare), ["1.9.0", "1.10.0-rc.1", "1.10.0"]);
 * ```
 */
export const AppVersionOrd: Ord.Ord<AppVersion> = Ord.fromCompare((a, b) => sign(compare(a, b)));

/**
 * Whether `candidate` is an update for somebody who has `current`: newer, never equal.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { AppVersion, isUpdate } from "sealtalk-misc";
 *
 * const [old, same, newer] = ["1.9.0", "1.9.0+7", "1.10.0"].filter(AppVersion.is);
 * assert.ok(old !== undefined && same !== undefined && newer !== undefined);
 * assert.deepEqual([isUpdate(old, same), isUpdate(old, newer)], [false, true]);
 * ```
 */
export const isUpdate = (current: AppVersion, candidate: AppVersion): boolean =>
  Ord.gt(AppVersionOrd)(candidate, current);
