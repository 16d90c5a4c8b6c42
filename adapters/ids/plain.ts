/**
 * Ids that are the same on the wire as inside.
 *
 * @module
 */
import { pipe } from "fp-ts/lib/function.js";
import * as TE from "fp-ts/lib/TaskEither.js";
import { Id, type IdCodec, type InvalidId, WireId } from "../../core/mod.ts";

const invalidId = (): InvalidId => ({ _tag: "INVALID_ID" });

/**
 * The codec of a deployment without a key: an id is any 1 to 64 of `A-Za-z0-9_-`, the same inside
 * and out.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { left, right } from "fp-ts/lib/Either.js";
 * import { makePlainIds } from "sealtalk-misc/ids";
 *
 * const ids = makePlainIds();
 * assert.deepEqual(await ids.decode("group-7")(), right("group-7"));
 * assert.deepEqual(await ids.decode("group 7")(), left({ _tag: "INVALID_ID" }));
 * ```
 */
export const makePlainIds = (): IdCodec => ({
  encode: (id) => pipe(id, TE.fromPredicate(WireId.is, invalidId)),
  decode: (text) => pipe(text, TE.fromPredicate(Id.is, invalidId)),
});
