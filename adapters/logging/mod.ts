/**
 * Logs on pino: one JSON line an event.
 *
 * @module
 */
import * as TE from "fp-ts/lib/TaskEither.js";
import { type DestinationStream, type Logger, pino } from "pino";
import type { MessageGateway } from "../../core/mod.ts";

export type { Logger } from "pino";

/** Starts a log; without a stream it goes to standard output. */
export const makeLogger = (level: string, stream?: DestinationStream): Logger =>
  stream === undefined ? pino({ level }) : pino({ level }, stream);

/**
 * Starts a log for a person at a terminal: a line that is easy to read, in colour unless NO_COLOR
 * says otherwise. Without pino-pretty it is JSON.
 */
export const makePrettyLogger = async (level: string): Promise<Logger> => {
  const pretty = await loadPretty();
  return makeLogger(
    level,
    pretty?.({ sync: true, ignore: "pid,hostname", translateTime: "HH:MM:ss.l" }),
  );
};

const loadPretty = async () => {
  try {
    return (await import("pino-pretty")).default;
  } catch {
    return undefined;
  }
};

/**
 * A gateway that prints each message as one log line instead of sending it: for development, and
 * for whoever has no RongCloud account. The line is at level `info`.
 */
export const makeLogGateway = (log: Logger): MessageGateway => ({
  send: (message) => TE.fromIO(() => log.info({ message }, "message not sent, only logged")),
  pause: () => () => 0,
  ready: () => TE.right(undefined),
});
