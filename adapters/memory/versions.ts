import { sequenceS } from "fp-ts/lib/Apply.js";
import * as E from "fp-ts/lib/Either.js";
import { pipe } from "fp-ts/lib/function.js";
import * as TE from "fp-ts/lib/TaskEither.js";
import {
  DemoSquare,
  DesktopRelease,
  decode,
  MobileReleases,
  type Releases,
  type VersionSource,
  type VersionsUnavailable,
  versionsUnavailable,
} from "../../core/mod.ts";

/** The records of a release, not yet looked at. */
export interface ReleaseRecords {
  readonly desktop: unknown;
  readonly mobile: unknown;
  /** Without it: an empty list. */
  readonly demoSquare?: unknown;
}

/** A version source whose records a test replaces. */
export interface MemoryVersions {
  readonly versions: VersionSource;
  readonly replace: (records: ReleaseRecords) => void;
}

/**
 * The releases that SealTalk's interface document shows.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { isRight } from "fp-ts/lib/Either.js";
 * import { DesktopRelease } from "sealtalk-misc";
 * import { sampleRecords } from "sealtalk-misc/memory";
 *
 * assert.ok(isRight(DesktopRelease.decode(sampleRecords.desktop)));
 * ```
 */
export const sampleRecords: ReleaseRecords = {
  desktop: {
    version: "1.0.2",
    url: "http://downloads.rongcloud.cn/sealtalk/releases/mac/SealTalk_by_RongCloud_1.0.2.dmg",
    name: "SealTalk 1.0.2",
    notes: "bug fix",
    pub_date: "2017-05-05",
  },
  mobile: {
    iOS: {
      version: "1.0.5",
      build: "201607181821",
      url: "https://dn-rongcloud.qbox.me/app.plist",
    },
    Android: {
      version: "1.0.5",
      url: "http://downloads.rongcloud.cn/SealTalk_by_RongCloud_Android_v1_0_5.apk",
    },
  },
};

/**
 * A version source that holds what it is given; the last valid records stay when broken ones
 * replace them.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { isLeft } from "fp-ts/lib/Either.js";
 * import { makeMemoryVersions } from "sealtalk-misc/memory";
 *
 * const { versions } = makeMemoryVersions({ desktop: null, mobile: null });
 * assert.ok(isLeft(await versions.current()()));
 * ```
 */
export const makeMemoryVersions = (records: ReleaseRecords = sampleRecords): MemoryVersions => {
  let held = decodeReleases(records);
  let lastGood = held;
  return {
    versions: {
      current: () => TE.fromIOEither(() => lastGood),
      ready: () =>
        TE.fromIOEither(() =>
          pipe(
            held,
            E.map(() => undefined),
          ),
        ),
    },
    replace: (next) => {
      held = decodeReleases(next);
      lastGood = E.isRight(held) ? held : lastGood;
    },
  };
};

const decodeReleases = ({
  desktop,
  mobile,
  demoSquare = [],
}: ReleaseRecords): E.Either<VersionsUnavailable, Releases> =>
  pipe(
    sequenceS(E.Applicative)({
      desktop: decode(DesktopRelease, "desktop")(desktop),
      mobile: decode(MobileReleases, "mobile")(mobile),
      demoSquare: decode(DemoSquare, "demoSquare")(demoSquare),
    }),
    E.mapLeft(({ field, expected }) => versionsUnavailable(`${field}: expected ${expected}`)),
  );
