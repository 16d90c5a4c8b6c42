import { pipe } from "fp-ts/lib/function.js";
import * as TE from "fp-ts/lib/TaskEither.js";
import { Id, type IdCodec, type InvalidId, WireId } from "../../core/mod.ts";

const PREFIX = "w-";

/**
 * An id codec whose wire ids are plainly other texts than the ids: 7 is `w-7`. A test that mixes
 * the two up fails.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { right } from "fp-ts/lib/Either.js";
 * import { makeMemoryIds } from "sealtalk-misc/memory";
 *
 * assert.deepEqual(await makeMemoryIds().decode("w-7")(), right("7"));
 * ```
 */
export const makeMemoryIds = (): IdCodec => ({
  encode: (id) => pipe(`${PREFIX}${id}`, TE.fromPredicate(WireId.is, invalid)),
  decode: (text) =>
    pipe(
      text.startsWith(PREFIX) && WireId.is(text) ? text.slice(PREFIX.length) : "",
      TE.fromPredicate(Id.is, invalid),
    ),
});

const invalid = (): InvalidId => ({ _tag: "INVALID_ID" });
