import { pipe } from "fp-ts/lib/function.js";
import * as O from "fp-ts/lib/Option.js";
import type { Task } from "fp-ts/lib/Task.js";
import * as TE from "fp-ts/lib/TaskEither.js";
import type { ConversationType } from "../domain/conversation.ts";
import {
  afterFailure,
  type Claim,
  LEASE_MS,
  mayStillSend,
  type Outcome,
} from "../domain/delivery.ts";
import type { ClaimLost, GatewayError, StoreUnavailable } from "../domain/errors.ts";
import type { MessageGateway } from "../ports/message-gateway.ts";
import type { Outbox } from "../ports/outbox.ts";

/** What the delivery of notices works on; time and chance come in as functions. */
export interface DeliveryPorts {
  /** Where notices wait. */
  readonly outbox: Outbox;
  /** Who takes them. */
  readonly gateway: MessageGateway;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** A number in [0, 1). */
  readonly random: () => number;
}

/** What a deliverer is to do next. */
export type NextDelivery =
  /** Deliver this: nobody else will before the claim's lease runs out. */
  | { readonly _tag: "CLAIMED"; readonly claim: Claim }
  /** Wait until something is due. */
  | { readonly _tag: "NOTHING_DUE" }
  /** Wait, for this many milliseconds: the gateway had better be left alone. Nothing was claimed. */
  | { readonly _tag: "PAUSED"; readonly ms: number };

/** A notice that was worked on, and what became of it. */
export interface Delivery {
  /** The notice. */
  readonly claim: Claim;
  /** What the outbox was told. */
  readonly outcome: Outcome;
  /** Why it was not delivered. */
  readonly error: O.Option<GatewayError>;
}

/** Claims the notice of this type that has been due longest, if the gateway may take one. */
export const claimNext =
  ({ gateway, outbox, now }: DeliveryPorts) =>
  (type: ConversationType): TE.TaskEither<StoreUnavailable, NextDelivery> =>
    pipe(
      TE.fromIO(gateway.pause(type)),
      TE.chain((ms) =>
        ms > 0
          ? TE.right<StoreUnavailable, NextDelivery>({ _tag: "PAUSED", ms })
          : pipe(
              TE.fromIO(now),
              TE.chain((at) => outbox.claim(type, at, at + LEASE_MS)),
              TE.map(
                O.match(
                  (): NextDelivery => ({ _tag: "NOTHING_DUE" }),
                  (claim) => ({ _tag: "CLAIMED", claim }),
                ),
              ),
            ),
      ),
    );

/**
 * Takes a claimed notice to the gateway and settles the claim. `CLAIM_LOST`: it took too long, and
 * somebody else delivers it.
 */
export const deliver =
  (ports: DeliveryPorts) =>
  (claim: Claim): TE.TaskEither<StoreUnavailable | ClaimLost, Delivery> =>
    pipe(
      TE.fromIO(ports.now),
      TE.filterOrElse(
        (now) => mayStillSend(claim, now),
        (): StoreUnavailable | ClaimLost => ({ _tag: "CLAIM_LOST" }),
      ),
      TE.chainTaskK(() => attempt(ports)(claim)),
      TE.chainFirst(({ outcome }) => settled(ports, claim, outcome)),
    );

const attempt =
  ({ gateway, now, random }: DeliveryPorts) =>
  (claim: Claim): Task<Delivery> =>
    pipe(
      gateway.send(claim.notice),
      TE.match(
        (error): Delivery => ({
          claim,
          outcome: afterFailure(error, { attempts: claim.attempts, now: now(), random: random() }),
          error: O.some(error),
        }),
        () => ({ claim, outcome: { _tag: "DELIVERED" }, error: O.none }),
      ),
    );

// What is not settled is delivered again, so a store that was away for a moment is asked twice. The
// token makes that safe; a claim that is lost the second time was settled the first, and nobody heard.
const settled = (
  { outbox }: DeliveryPorts,
  claim: Claim,
  outcome: Outcome,
): TE.TaskEither<StoreUnavailable | ClaimLost, void> => {
  const settling = outbox.settle(claim, outcome);
  return pipe(
    settling,
    TE.orElse((fault) =>
      fault._tag === "STORE_UNAVAILABLE"
        ? pipe(settling, TE.orElse(unlessLost))
        : TE.left<StoreUnavailable | ClaimLost, void>(fault),
    ),
  );
};

const unlessLost = (
  fault: StoreUnavailable | ClaimLost,
): TE.TaskEither<StoreUnavailable | ClaimLost, void> =>
  fault._tag === "CLAIM_LOST" ? TE.right(undefined) : TE.left(fault);
