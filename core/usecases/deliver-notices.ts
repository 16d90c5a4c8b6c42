import { pipe } from "fp-ts/lib/function.js";
import * as O from "fp-ts/lib/Option.js";
import type { Task } from "fp-ts/lib/Task.js";
import * as TE from "fp-ts/lib/TaskEither.js";
import { afterFailure, type Claim, LEASE_MS, type Outcome } from "../domain/delivery.ts";
import type { ClaimLost, StoreUnavailable } from "../domain/errors.ts";
import type { MessageGateway } from "../ports/message-gateway.ts";
import type { Outbox } from "../ports/outbox.ts";

/** What the delivery of notices works on; time and chance come in as functions. */
export interface DeliveryPorts {
  readonly outbox: Outbox;
  readonly gateway: MessageGateway;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** A number in [0, 1). */
  readonly random: () => number;
}

/** A notice that was worked on, and what became of it. */
export interface Delivery {
  readonly claim: Claim;
  readonly outcome: Outcome;
}

/** Takes the notice that has been due longest to the gateway; `none`: nothing is due. */
export const deliverNext =
  (ports: DeliveryPorts) => (): TE.TaskEither<StoreUnavailable | ClaimLost, O.Option<Delivery>> =>
    pipe(
      TE.fromIO(ports.now),
      TE.chain((now) => ports.outbox.claim(now, now + LEASE_MS)),
      TE.chainW(
        O.match(
          () => TE.right(O.none),
          (claim) =>
            pipe(
              TE.fromTask(attempt(ports)(claim)),
              TE.chainFirst((outcome) => ports.outbox.settle(claim, outcome)),
              TE.map((outcome) => O.some({ claim, outcome })),
            ),
        ),
      ),
    );

const attempt =
  ({ gateway, now, random }: DeliveryPorts) =>
  ({ notice, attempts }: Claim): Task<Outcome> =>
    pipe(
      gateway.send(notice),
      TE.match(
        (error) => afterFailure(error, { attempts, now: now(), random: random() }),
        (): Outcome => ({ _tag: "DELIVERED" }),
      ),
    );
