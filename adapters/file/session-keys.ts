/**
 * The keys of sessions that lie in files.
 *
 * @module
 */
import { randomBytes, randomUUID } from "node:crypto";
import { link, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import * as E from "fp-ts/lib/Either.js";
import { pipe } from "fp-ts/lib/function.js";
import * as J from "fp-ts/lib/Json.js";
import * as TE from "fp-ts/lib/TaskEither.js";
import * as t from "io-ts";
import { decode } from "../../core/mod.ts";

/** Why a file of keys cannot serve, in one sentence that holds none of its content. */
export type KeyFileFault = string;

const SECRET_BYTES = 32;

/**
 * The secret in this file. If there is no such file yet it is made, with a secret that nobody knows
 * and that its owner alone may read; of two who make it at once, one wins and both use that one.
 */
export const readOrMakeSecret = (path: string): TE.TaskEither<KeyFileFault, Uint8Array> =>
  pipe(
    TE.tryCatch(
      () => makeSecret(path),
      () => `the secret ${path} cannot be made`,
    ),
    TE.chain(() => readText(path)),
    TE.map((text) => new TextEncoder().encode(text.trim())),
    TE.filterOrElse(
      (secret) => secret.byteLength >= SECRET_BYTES,
      () => `the secret ${path} has fewer than ${SECRET_BYTES} bytes`,
    ),
  );

const makeSecret = async (path: string): Promise<void> => {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const secret = `${randomBytes(SECRET_BYTES).toString("base64url")}\n`;
  // Whole or not at all: a full disk, or a death halfway, leaves no secret that is too short.
  const draft = `${path}.${randomUUID()}`;
  try {
    await writeFile(draft, secret, { flag: "wx", mode: 0o600, flush: true });
    await link(draft, path);
  } catch (fault) {
    if (!(fault instanceof Error && "code" in fault && fault.code === "EEXIST")) {
      throw fault;
    }
  } finally {
    await rm(draft, { force: true });
  }
};

/** A JSON Web Key Set, as far as it is looked at here. */
export interface KeySet {
  readonly keys: Array<{ readonly kty: string; readonly [member: string]: unknown }>;
}

const Key = t.intersection([t.type({ kty: t.string }), t.UnknownRecord], "a JSON Web Key");

const KeySet: t.Type<KeySet, unknown, unknown> = t.type(
  { keys: t.array(Key, "JSON Web Keys") },
  "a JSON Web Key Set",
);

/** The JSON Web Key Set in this file. */
export const readKeySet = (path: string): TE.TaskEither<KeyFileFault, KeySet> =>
  pipe(
    readText(path),
    TE.chainEitherK((text) =>
      pipe(
        J.parse(text),
        E.mapLeft(() => `the key set ${path} is not JSON`),
      ),
    ),
    TE.chainEitherK((value) =>
      pipe(
        decode(KeySet, "content")(value),
        E.mapLeft(({ field, expected }) => `the key set ${path}: ${field}: expected ${expected}`),
      ),
    ),
  );

const readText = (path: string): TE.TaskEither<KeyFileFault, string> =>
  TE.tryCatch(
    () => readFile(path, "utf8"),
    () => `the file ${path} cannot be read`,
  );
