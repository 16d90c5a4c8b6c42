import { constants } from "node:fs";
import { open } from "node:fs/promises";
import { pipe } from "fp-ts/lib/function.js";
import * as TE from "fp-ts/lib/TaskEither.js";
import { type StoreUnavailable, storeUnavailable } from "../../core/domain/errors.ts";
import type { Backend } from "./backend.ts";
import { openEnvironment } from "./environment.ts";
import { makeOutbox } from "./outbox.ts";
import { makeRelationships } from "./relationships.ts";
import { makeSettings } from "./settings.ts";

/** Opens the file of a store that this process owns. */
export const openOwned = (
  path: string,
  now: () => number,
  deadlineMs: number,
): TE.TaskEither<StoreUnavailable, Backend> =>
  pipe(
    refuseForeignFile(path),
    TE.chainEitherK(() => openEnvironment(path, deadlineMs)),
    TE.map((environment) => {
      const outbox = makeOutbox(environment, now);
      return {
        settings: makeSettings(environment, outbox),
        outbox: outbox.outbox,
        relationships: makeRelationships(environment),
        close: environment.close,
        lost: new Promise(() => {}),
      };
    }),
  );

// LMDB's own mark, in the first page's header: lmdb crashes the process on a file without it.
const MAGIC = Buffer.from([0xde, 0xc0, 0xef, 0xbe]);
const MAGIC_AT = 24;

const refuseForeignFile = (path: string): TE.TaskEither<StoreUnavailable, void> =>
  pipe(
    TE.tryCatch(
      () => headOf(path),
      () => storeUnavailable(`the file ${path} cannot be opened to read and write`),
    ),
    TE.filterOrElse(
      (head) => head.length === 0 || head.subarray(MAGIC_AT).equals(MAGIC),
      () => storeUnavailable(`the file ${path} is not an LMDB store`),
    ),
    TE.map(() => undefined),
  );

const headOf = async (path: string): Promise<Buffer> => {
  const file = await open(path, constants.O_RDWR | constants.O_CREAT, 0o600);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(MAGIC_AT + MAGIC.length), 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
};
