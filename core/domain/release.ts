/**
 * What the clients are told of the current builds.
 *
 * @module
 */
import * as O from "fp-ts/lib/Option.js";
import * as t from "io-ts";
import { AppVersion, isUpdate } from "./app-version.ts";
import { NonEmptyText, Text } from "./decode.ts";
import type { DemoSquare } from "./demo-square.ts";

const ABSOLUTE_URL =
  /^(https?:\/\/(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?)([/?#].*)?$/su;

// RFC 3986: a percent-encoded octet stays, every other character outside the URI alphabet is encoded.
const NOT_IN_A_URI = /%(?![0-9A-Fa-f]{2})|[^A-Za-z0-9\-._~:/?#@!$&'()*+,;=%]/gu;

const percentEncode = (rest: string): string => rest.replace(NOT_IN_A_URI, encodeURIComponent);

/** An absolute http(s) URL, percent-encoded as RFC 3986 asks. */
export type DownloadUrl = string;

/**
 * Reads a {@link DownloadUrl} and percent-encodes what a URI may not hold: Squirrel.Mac's NSURL
 * refuses a space or a 中 where a browser would mend it.
 */
export const DownloadUrl: t.Type<DownloadUrl, string, unknown> = new t.Type<
  DownloadUrl,
  string,
  unknown
>(
  "an absolute http or https URL",
  (value): value is DownloadUrl => typeof value === "string" && ABSOLUTE_URL.test(value),
  (value, context) => {
    const [, origin, rest = ""] = typeof value === "string" ? (ABSOLUTE_URL.exec(value) ?? []) : [];
    return origin === undefined || /\p{Cs}/u.test(rest)
      ? t.failure(value, context)
      : t.success(`${origin}${percentEncode(rest)}`);
  },
  t.identity,
);

/** The desktop release, as Squirrel.Mac reads it. Fields that we do not know are kept. */
export interface DesktopRelease {
  /** Compared with what a client has. */
  readonly version: AppVersion;
  /** Where the installer is. */
  readonly url: DownloadUrl;
  /** The title that the updater shows. */
  readonly name: string;
  /** What is new, for people. */
  readonly notes: string;
  /** Served as given: a date in whatever form the file has. */
  readonly pub_date: string;
}

/**
 * Reads a {@link DesktopRelease}: the content of desktop.json.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { isRight } from "fp-ts/lib/Either.js";
 * import { DesktopRelease } from "sealtalk-misc";
 *
 * const release = DesktopRelease.decode({
 *   version: "1.0.2",
 *   url: "http://downloads.rongcloud.cn/sealtalk/SealTalk_1.0.2.dmg",
 *   name: "SealTalk 1.0.2",
 *   notes: "bug fix",
 *   pub_date: "2017-05-05",
 * });
 * assert.equal(isRight(release), true);
 * ```
 */
export const DesktopRelease: t.Type<DesktopRelease, unknown, unknown> = t.readonly(
  t.type({
    version: AppVersion,
    url: DownloadUrl,
    name: Text,
    notes: Text,
    pub_date: Text,
  }),
  "a desktop release",
);

/** The current build for one mobile platform. Fields that we do not know are kept. */
export interface MobileRelease {
  /** As the store or the package names it; compared by the client, not here. */
  readonly version: string;
  /** A string, as the source document has it: "201607181821". */
  readonly build?: string;
  /** Where the client sends its user. */
  readonly url: string;
}

/** The current builds for both mobile platforms. Platforms that we do not know are kept. */
export interface MobileReleases {
  /** What iPhones are offered. */
  readonly iOS: MobileRelease;
  /** What Android devices are offered. */
  readonly Android: MobileRelease;
}

const Build = t.readonly(
  t.intersection([
    t.type({ version: NonEmptyText, url: NonEmptyText }, "an object"),
    t.partial({ build: Text }, "an object"),
  ]),
  "a mobile release",
);

/**
 * Reads {@link MobileReleases}: the content of mobile.json.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { isLeft } from "fp-ts/lib/Either.js";
 * import { MobileReleases } from "sealtalk-misc";
 *
 * assert.equal(isLeft(MobileReleases.decode({ iOS: { version: "1.0.5", build: 1 } })), true);
 * ```
 */
export const MobileReleases: t.Type<MobileReleases, unknown, unknown> = t.readonly(
  t.type({ iOS: Build, Android: Build }),
  "the mobile releases",
);

/** What is current: the builds, and what clients show beside them, read and replaced together. */
export interface Releases {
  /** From desktop.json, where it is read from files. */
  readonly desktop: DesktopRelease;
  /** From mobile.json. */
  readonly mobile: MobileReleases;
  /** Empty where there is none. */
  readonly demoSquare: DemoSquare;
}

/**
 * The release that somebody who has `current` should install, if there is one. Squirrel.Mac
 * installs whatever it is offered, so an equal or older one is none.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { isRight } from "fp-ts/lib/Either.js";
 * import { isSome } from "fp-ts/lib/Option.js";
 * import { AppVersion, DesktopRelease, updateFor } from "sealtalk-misc";
 * import { sampleRecords } from "sealtalk-misc/memory";
 *
 * const release = DesktopRelease.decode(sampleRecords.desktop);
 * assert.ok(isRight(release));
 * const offered = ["1.0.1", "1.0.2"].filter(AppVersion.is).map(updateFor(release.right));
 * assert.deepEqual(offered.map(isSome), [true, false]);
 * ```
 */
export const updateFor =
  (release: DesktopRelease): ((current: AppVersion) => O.Option<DesktopRelease>) =>
  (current) =>
    isUpdate(current, release.version) ? O.some(release) : O.none;
