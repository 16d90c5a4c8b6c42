/**
 * Logs on pino: one JSON line an event.
 *
 * @module
 */
import * as TE from "fp-ts/lib/TaskEither.js";
import { type DestinationStream, type Logger, pino } from "pino";
import type { MessageGateway } from "../../core/ports/message-gateway.ts";

export type { Logger } from "pino";

/** Starts a log; without a stream it goes to standard output. */
export const makeLogger = (level: string, stream?: DestinationStream): Logger =>
  stream === undefined ? pino({ level }) : pino({ level }, stream);

/**
 * A gateway that prints each message as one log line instead of sending it: for development, and
 * for whoever has no RongCloud account. The line is at level `info`.
 */
export const makeLogGateway = (log: Logger): MessageGateway => ({
  send: (message) => TE.fromIO(() => log.info({ message }, "message not sent, only logged")),
  pause: () => () => 0,
  ready: () => TE.right(undefined),
});
