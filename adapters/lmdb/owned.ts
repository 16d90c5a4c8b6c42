import { constants, existsSync } from "node:fs";
import { open } from "node:fs/promises";
import * as E from "fp-ts/lib/Either.js";
import { pipe } from "fp-ts/lib/function.js";
import * as TE from "fp-ts/lib/TaskEither.js";
import { type StoreUnavailable, storeUnavailable } from "../../core/mod.ts";
import type { Backend } from "./backend.ts";
import { askDisk } from "./disk.ts";
import { type Environment, openEnvironment } from "./environment.ts";
import { makeOutbox } from "./outbox.ts";
import { reasonOf, unavailable } from "./reason.ts";
import { makeRelationships } from "./relationships.ts";
import { makeSettings } from "./settings.ts";

/** Opens the file of a store that this process owns. */
export const openOwned = (
  path: string,
  now: () => number,
  deadlineMs: number,
): TE.TaskEither<StoreUnavailable, Backend> =>
  pipe(
    inspectFile(path),
    TE.chainEitherK(() => openEnvironment(path, deadlineMs)),
    TE.chain((environment) =>
      pipe(
        TE.fromEither(E.tryCatch(() => makeBackend(environment, now), unavailable)),
        TE.orElseFirstTaskK(() => environment.close),
      ),
    ),
  );

const makeBackend = (environment: Environment, now: () => number): Backend => {
  const outbox = makeOutbox(environment, now);
  return {
    settings: makeSettings(environment, outbox),
    outbox: outbox.outbox,
    relationships: makeRelationships(environment),
    close: environment.close,
    lost: new Promise(() => {}),
  };
};

// A page's header, then LMDB's own mark, then the size of a page, which is the least it has.
const MAGIC = Buffer.from([0xde, 0xc0, 0xef, 0xbe]);
const MAGIC_AT = 24;
const PAGE_SIZE_AT = 48;
const HEAD = 52;
// One page of these says which transaction is the last; the other one, which was before.
const FIRST_PAGES = 2;

/** Refuses what would crash the process: lmdb does when a file is not LMDB's, or cannot be made. */
const inspectFile = (path: string): TE.TaskEither<StoreUnavailable, void> =>
  pipe(
    TE.tryCatch(
      () => headOf(path),
      (fault) =>
        storeUnavailable(`the file ${path} cannot be opened to read and write: ${reasonOf(fault)}`),
    ),
    TE.filterOrElse(isNewOrStore, () => storeUnavailable(`the file ${path} is not an LMDB store`)),
    TE.chain(({ size, locked }) => (size === 0 || !locked ? askDisk(path) : TE.right(undefined))),
  );

interface Found {
  readonly size: number;
  readonly head: Buffer;
  /** Whether LMDB's lock file is there; it is written to by way of memory, which needs room too. */
  readonly locked: boolean;
}

const isNewOrStore = ({ size, head }: Found): boolean =>
  size === 0 ||
  (head.length === HEAD &&
    head.subarray(MAGIC_AT, MAGIC_AT + MAGIC.length).equals(MAGIC) &&
    size >= FIRST_PAGES * head.readUInt32LE(PAGE_SIZE_AT));

const headOf = async (path: string): Promise<Found> => {
  const file = await open(path, constants.O_RDWR | constants.O_CREAT, 0o600);
  try {
    const { size } = await file.stat();
    const { buffer, bytesRead } = await file.read(Buffer.alloc(HEAD), 0);
    return { size, head: buffer.subarray(0, bytesRead), locked: existsSync(`${path}-lock`) };
  } finally {
    await file.close();
  }
};
