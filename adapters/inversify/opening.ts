import * as E from "fp-ts/lib/Either.js";
import type * as TE from "fp-ts/lib/TaskEither.js";

/**
 * Why a value could not be made, in one line: a container yields values or throws.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { isRight } from "fp-ts/lib/Either.js";
 * import { makeContainer, OpeningFault, resolve, tokens } from "sealtalk-misc/inversify";
 *
 * const wired = makeContainer({ RELEASES_DIR: "/nowhere" }, { serving: false });
 * assert.ok(isRight(wired));
 * await assert.rejects(resolve(wired.right, tokens.RELEASE_FILES), OpeningFault);
 * ```
 */
export class OpeningFault extends Error {
  override readonly name = "OpeningFault";
}

/**
 * The same, where it is the configuration that is at fault; the line names the variable.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { isRight } from "fp-ts/lib/Either.js";
 * import { ConfigurationFault, makeContainer, resolve, tokens } from "sealtalk-misc/inversify";
 *
 * const env = { STORE: "memory", SESSION_JWKS: "/nowhere/keys.json" };
 * const wired = makeContainer(env, { serving: false });
 * assert.ok(isRight(wired));
 * await assert.rejects(resolve(wired.right, tokens.SESSIONS), ConfigurationFault);
 * ```
 */
export class ConfigurationFault extends OpeningFault {}

/** What a task opens, or an exception with the fault. */
export const opened = async <Fault, A>(
  opening: TE.TaskEither<Fault, A>,
  faultOf: (fault: Fault) => OpeningFault,
): Promise<A> => {
  const outcome = await opening();
  if (E.isLeft(outcome)) {
    throw faultOf(outcome.left);
  }
  return outcome.right;
};
