import type { IO } from "fp-ts/lib/IO.js";
import type { TaskEither } from "fp-ts/lib/TaskEither.js";
import type { ConversationType } from "../domain/conversation.ts";
import type { GatewayRejected, GatewayUnavailable } from "../domain/errors.ts";
import type { OutboundMessage } from "../domain/message.ts";

/** Hands messages to the chat cloud. */
export interface MessageGateway {
  /**
   * - Success: the cloud has taken the message.
   * - `GATEWAY_REJECTED`: it said no, and did not deliver it.
   * - `GATEWAY_UNAVAILABLE`: it did not take the message (`delivery` is `none`), or nobody knows
   *   (`unknown`). An answer comes within 4 seconds, whatever the cloud does.
   * - One call delivers at most once: a gateway tries again by itself only after an attempt that
   *   certainly was not delivered, or where the cloud itself refuses a repeat.
   */
  readonly send: (
    message: OutboundMessage,
  ) => TaskEither<GatewayRejected | GatewayUnavailable, void>;

  /**
   * Milliseconds until a message of this type is worth a try; 0: it is now. A hint for who has many
   * to send and can wait: what the cloud's limits, its wish for a pause or its absence call for.
   */
  readonly pause: (type: ConversationType) => IO<number>;

  /** Fails while the last that was heard of the cloud is that it takes no message of ours. */
  readonly ready: () => TaskEither<GatewayRejected | GatewayUnavailable, void>;
}
