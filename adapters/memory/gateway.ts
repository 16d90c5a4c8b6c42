import * as E from "fp-ts/lib/Either.js";
import { pipe } from "fp-ts/lib/function.js";
import * as TE from "fp-ts/lib/TaskEither.js";
import type { GatewayError, MessageGateway, OutboundMessage } from "../../core/mod.ts";

/** A gateway that shows what it took, and that a test can have refuse. */
export interface MemoryGateway {
  readonly gateway: MessageGateway;
  /** What was taken, in order. */
  readonly taken: ReadonlyArray<OutboundMessage>;
  /** From now on every message meets this error; `undefined`: every one is taken again. */
  readonly refuseWith: (error: GatewayError | undefined) => void;
}

/**
 * A gateway that keeps what it is given.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { makeMemoryGateway } from "sealtalk-misc/memory";
 *
 * const { gateway, taken } = makeMemoryGateway();
 * assert.deepEqual(taken, []);
 * assert.equal((await gateway.ready()())._tag, "Right");
 * ```
 */
export const makeMemoryGateway = (): MemoryGateway => {
  const taken: OutboundMessage[] = [];
  let refusal: GatewayError | undefined;
  const unlessRefused: TE.TaskEither<GatewayError, void> = TE.fromIOEither(() =>
    refusal === undefined ? E.right(undefined) : E.left(refusal),
  );
  return {
    gateway: {
      send: (message) =>
        pipe(
          unlessRefused,
          TE.map(() => {
            taken.push(message);
          }),
        ),
      pause: () => () => 0,
      ready: () => unlessRefused,
    },
    taken,
    refuseWith: (error) => {
      refusal = error;
    },
  };
};
