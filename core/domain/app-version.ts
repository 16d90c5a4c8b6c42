/**
 * A client's version: three numeric parts, ordered as Semantic Versioning 2.0.0 orders them.
 *
 * @module
 */
import * as E from "fp-ts/lib/Either.js";
import { pipe } from "fp-ts/lib/function.js";
import type * as t from "io-ts";
import gt from "semver/functions/gt.js";
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
 * Whether `candidate` is an update for somebody who has `current`: newer by semver's precedence,
 * never equal. 1.10.0 is above 1.9.0, a release above its pre-releases, build metadata counts for
 * nothing.
 */
export const isUpdate = (current: AppVersion, candidate: AppVersion): boolean =>
  gt(candidate, current);
