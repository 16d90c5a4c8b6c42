/**
 * Reading the release files once, as one.
 *
 * @module
 */
import { constants } from "node:fs";
import { type FileHandle, open, stat } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { sequenceS } from "fp-ts/lib/Apply.js";
import * as E from "fp-ts/lib/Either.js";
import { flow, identity, pipe } from "fp-ts/lib/function.js";
import * as J from "fp-ts/lib/Json.js";
import * as RA from "fp-ts/lib/ReadonlyArray.js";
import * as T from "fp-ts/lib/Task.js";
import * as TE from "fp-ts/lib/TaskEither.js";
import type * as t from "io-ts";
import {
  DemoSquare,
  DesktopRelease,
  decodeAll,
  type IdCodec,
  MobileReleases,
  type Releases,
} from "../../core/mod.ts";

/** What is wrong with a release file: where, and what was expected there. Never what it holds. */
export interface ReleaseFault {
  readonly file: string;
  /** The field's dotted path, or `file` or `content` for the whole. */
  readonly field: string;
  /** Ends the sentence "expected …". */
  readonly expected: string;
}

/** What reading the files came to. */
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
 * The faults as lines, one each.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { renderReleaseFaults } from "sealtalk-misc/file";
 *
 * assert.deepEqual(
 *   renderReleaseFaults([{ file: "desktop.json", field: "url", expected: "an absolute URL" }]),
 *   ["desktop.json: url: expected an absolute URL"],
 * );
 * ```
 */
export const renderReleaseFaults = (faults: ReadonlyArray<ReleaseFault>): ReadonlyArray<string> =>
  faults.map(({ file, field, expected }) => `${file}: ${field}: expected ${expected}`);

/** The code of a Node error, such as ENOENT. */
export const errorCode = (error: unknown): string =>
  error instanceof Error && "code" in error ? String(error.code) : "unknown error";

/** Where the files of a folder are. */
export const releaseFiles = (
  dir: string,
): { readonly desktop: string; readonly mobile: string; readonly demoSquare: string } => ({
  desktop: join(dir, "desktop.json"),
  mobile: join(dir, "mobile.json"),
  demoSquare: join(dir, "demo_square.json"),
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

const faultIn =
  (file: string, field: string) =>
  (expected: string): Faults => [{ file, field, expected }];

type Content = E.Either<string, Uint8Array>;

/** What a file holds, or the code of the error that kept it from being read. */
const contentOf = (file: string): TE.TaskEither<string, Content> =>
  TE.tryCatch(() => readFile(file), errorCode);

const unreadable =
  (file: string) =>
  (code: string): Faults =>
    faultIn(file, "file")(`one that can be read (${code})`);

const decodeContent =
  <A>(file: string, codec: t.Decoder<unknown, A>) =>
  (content: Content): E.Either<Faults, A> =>
    pipe(
      content,
      E.mapLeft(faultIn(file, "file")),
      E.chain(flow(parse, E.mapLeft(faultIn(file, "content")))),
      E.chain(
        flow(
          decodeAll(codec, "content"),
          E.mapLeft(RA.map(({ field, expected }) => ({ file, field, expected }))),
        ),
      ),
    );

const read = <A>(file: string, codec: t.Decoder<unknown, A>): TE.TaskEither<Faults, A> =>
  pipe(contentOf(file), TE.mapLeft(unreadable(file)), TE.chainEitherK(decodeContent(file, codec)));

const readIfThere = <A>(
  file: string,
  codec: t.Decoder<unknown, A>,
  absent: A,
): TE.TaskEither<Faults, A> =>
  pipe(
    contentOf(file),
    TE.matchE(
      (code) => (code === "ENOENT" ? TE.right(absent) : TE.left(unreadable(file)(code))),
      flow(decodeContent(file, codec), TE.fromEither),
    ),
  );

const validation = TE.getApplicativeTaskValidation(T.ApplyPar, RA.getSemigroup<ReleaseFault>());

const all = sequenceS(validation);

const requireIds = (file: string, { encode }: Pick<IdCodec, "encode">) =>
  RA.traverseWithIndex(validation)((index, place: DemoSquare[number]) =>
    pipe(
      encode(place.id),
      TE.bimap(
        () => faultIn(file, `${index}.id`)("an id of this deployment"),
        () => place,
      ),
    ),
  );

const identityOf = (file: string): Promise<string> =>
  stat(file, { bigint: true }).then(
    ({ dev, ino, size, mtimeNs, ctimeNs }) => [dev, ino, size, mtimeNs, ctimeNs].join(),
    errorCode,
  );

const identities = async (dir: string): Promise<string> => {
  return (await Promise.all(Object.values(releaseFiles(dir)).map(identityOf))).join(" ");
};

/** What the files are read for. */
export interface ReadReleasesOptions {
  /** Which ids this deployment can spell: a demo square with any other is broken. */
  readonly ids?: Pick<IdCodec, "encode">;
}

/**
 * Reads desktop.json, mobile.json and, if it is there, demo_square.json of a folder, or lists every
 * fault of all of them. Files that were exchanged while they were read are read again, so that they
 * belong together.
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
  (
    dir: string,
    { ids }: ReadReleasesOptions = {},
  ): TE.TaskEither<ReadonlyArray<ReleaseFault>, Releases> =>
  async () => {
    const { desktop, mobile, demoSquare } = releaseFiles(dir);
    const releases = all({
      desktop: read(desktop, DesktopRelease),
      mobile: read(mobile, MobileReleases),
      demoSquare: pipe(
        readIfThere(demoSquare, DemoSquare, []),
        ids === undefined ? identity : TE.chain(requireIds(demoSquare, ids)),
      ),
    });
    for (let reading = 0; reading < MOST_READINGS; reading += 1) {
      const before = await identities(dir);
      const outcome = await releases();
      if ((await identities(dir)) === before) {
        return outcome;
      }
    }
    return E.left([{ file: dir, field: "file", expected: "files that stay while they are read" }]);
  };
