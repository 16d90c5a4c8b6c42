/**
 * Reading the two release files once, as one pair.
 *
 * @module
 */
import { constants } from "node:fs";
import { type FileHandle, open, stat } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { sequenceS } from "fp-ts/lib/Apply.js";
import * as E from "fp-ts/lib/Either.js";
import { pipe } from "fp-ts/lib/function.js";
import * as J from "fp-ts/lib/Json.js";
import * as RA from "fp-ts/lib/ReadonlyArray.js";
import * as T from "fp-ts/lib/Task.js";
import * as TE from "fp-ts/lib/TaskEither.js";
import type * as t from "io-ts";
import { DesktopRelease, decodeAll, MobileReleases, type Releases } from "../../core/mod.ts";

/** What is wrong with a release file: where, and what was expected there. Never what it holds. */
export interface ReleaseFault {
  readonly file: string;
  /** The field's dotted path, or `file` or `content` for the whole. */
  readonly field: string;
  /** Ends the sentence "expected …". */
  readonly expected: string;
}

/** What reading the two files came to. */
export type ReleasesRead = E.Either<ReadonlyArray<ReleaseFault>, Releases>;

/**
 * The folder of the bundled sample releases.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { existsSync } from "node:fs";
 * import { sampleReleasesDir } from "sealtalk-misc/file";
 *
 * assert.ok(existsSync(`${sampleReleasesDir}/desktop.json`));
 * ```
 */
export const sampleReleasesDir: string = fileURLToPath(new URL("./sample", import.meta.url));

/**
 * The faults as text, one line each.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { renderReleaseFaults } from "sealtalk-misc/file";
 *
 * assert.equal(
 *   renderReleaseFaults([{ file: "desktop.json", field: "url", expected: "an absolute URL" }]),
 *   "desktop.json: url: expected an absolute URL",
 * );
 * ```
 */
export const renderReleaseFaults = (faults: ReadonlyArray<ReleaseFault>): string =>
  faults.map(({ file, field, expected }) => `${file}: ${field}: expected ${expected}`).join("\n");

/** The code of a Node error, such as ENOENT. */
export const errorCode = (error: unknown): string =>
  error instanceof Error && "code" in error ? String(error.code) : "unknown error";

/** Where the two files of a folder are. */
export const releaseFiles = (
  dir: string,
): { readonly desktop: string; readonly mobile: string } => ({
  desktop: join(dir, "desktop.json"),
  mobile: join(dir, "mobile.json"),
});

const MOST_BYTES = 1_048_576;
const MOST_READINGS = 10;

type Faults = ReadonlyArray<ReleaseFault>;

const readBytes = async (handle: FileHandle): Promise<Uint8Array> => {
  const bytes = new Uint8Array(MOST_BYTES + 1);
  let length = 0;
  let more = true;
  while (more && length < bytes.length) {
    const { bytesRead } = await handle.read(bytes, length, bytes.length - length, length);
    length += bytesRead;
    more = bytesRead > 0;
  }
  return bytes.subarray(0, length);
};

// Not blocking: to open a named pipe would wait for whoever writes to it.
const openToRead = (file: string): Promise<FileHandle> =>
  open(file, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));

const readFile = async (file: string): Promise<E.Either<string, Uint8Array>> => {
  const handle = await openToRead(file);
  try {
    if (!(await handle.stat()).isFile()) {
      return E.left("a regular file");
    }
    const bytes = await readBytes(handle);
    return bytes.length > MOST_BYTES ? E.left(`at most ${MOST_BYTES} bytes`) : E.right(bytes);
  } finally {
    await handle.close();
  }
};

const parse = (bytes: Uint8Array): E.Either<string, unknown> =>
  pipe(
    E.tryCatch(
      () => new TextDecoder("utf-8", { fatal: true }).decode(bytes),
      () => "UTF-8",
    ),
    E.chain((text) =>
      pipe(
        J.parse(text),
        E.mapLeft(() => "JSON"),
      ),
    ),
  );

const read = <A>(file: string, codec: t.Decoder<unknown, A>): TE.TaskEither<Faults, A> => {
  const fault =
    (field: string) =>
    (expected: string): Faults => [{ file, field, expected }];
  return pipe(
    TE.tryCatch(
      () => readFile(file),
      (error) => fault("file")(`one that can be read (${errorCode(error)})`),
    ),
    TE.chainEitherK(E.mapLeft(fault("file"))),
    TE.chainEitherK((bytes) => pipe(parse(bytes), E.mapLeft(fault("content")))),
    TE.chainEitherK((value) =>
      pipe(
        decodeAll(codec, "content")(value),
        E.mapLeft(RA.map(({ field, expected }) => ({ file, field, expected }))),
      ),
    ),
  );
};

const both = sequenceS(
  TE.getApplicativeTaskValidation(T.ApplyPar, RA.getSemigroup<ReleaseFault>()),
);

const identityOf = (file: string): Promise<string> =>
  stat(file, { bigint: true }).then(
    ({ dev, ino, size, mtimeNs, ctimeNs }) => [dev, ino, size, mtimeNs, ctimeNs].join(),
    errorCode,
  );

const identities = async (dir: string): Promise<string> => {
  const { desktop, mobile } = releaseFiles(dir);
  return (await Promise.all([desktop, mobile].map(identityOf))).join(" ");
};

/**
 * Reads desktop.json and mobile.json of a folder, or lists every fault of both. Files that were
 * exchanged while they were read are read again, so that the two belong together.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { left } from "fp-ts/lib/Either.js";
 * import { readReleases } from "sealtalk-misc/file";
 *
 * const expected = "one that can be read (ENOENT)";
 * assert.deepEqual(
 *   await readReleases("/nowhere")(),
 *   left([
 *     { file: "/nowhere/desktop.json", field: "file", expected },
 *     { file: "/nowhere/mobile.json", field: "file", expected },
 *   ]),
 * );
 * ```
 */
export const readReleases =
  (dir: string): TE.TaskEither<ReadonlyArray<ReleaseFault>, Releases> =>
  async () => {
    const { desktop, mobile } = releaseFiles(dir);
    const pair = both({
      desktop: read(desktop, DesktopRelease),
      mobile: read(mobile, MobileReleases),
    });
    for (let reading = 0; reading < MOST_READINGS; reading += 1) {
      const before = await identities(dir);
      const outcome = await pair();
      if ((await identities(dir)) === before) {
        return outcome;
      }
    }
    return E.left([{ file: dir, field: "file", expected: "files that stay while they are read" }]);
  };
