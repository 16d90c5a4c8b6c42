/**
 * How ids are spelled on the wire: as they are, or as an existing SealTalk deployment spells them.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { right } from "fp-ts/lib/Either.js";
 * import { makePlainIds } from "sealtalk-misc/ids";
 *
 * assert.deepEqual(await makePlainIds().decode("alice")(), right("alice"));
 * ```
 *
 * @module
 */
export { makeN3dIds, type N3dKeyFault } from "./n3d.ts";
export { makePlainIds } from "./plain.ts";
