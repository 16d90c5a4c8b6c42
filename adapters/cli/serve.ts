import { pipe } from "fp-ts/lib/function.js";
import * as TE from "fp-ts/lib/TaskEither.js";
import { tokens } from "../inversify/mod.ts";
import { type PartOf, withApplication } from "./application.ts";
import { type Failure, failed } from "./failure.ts";
import type { Surroundings } from "./surroundings.ts";

/** The parts of a server that its first log lines describe. */
interface Listening {
  readonly url: string;
  readonly log: PartOf<typeof tokens.LOGGER>;
  readonly config: PartOf<typeof tokens.CONFIG>;
  readonly sessionRisks: tokens.SessionRisks;
}

/** Runs a server and a relay until the process is asked to end, then finishes the requests in flight. */
export const serve = (surroundings: Surroundings): TE.TaskEither<Failure, void> => {
  // Listen for signals from the start, so that a signal during start-up is not missed.
  const ended = surroundings.ended();
  return withApplication(surroundings, { serving: true })(({ part }) =>
    pipe(
      TE.Do,
      TE.bind("config", () => part(tokens.CONFIG)),
      TE.bind("log", () => part(tokens.LOGGER)),
      TE.bind("sessionRisks", () => part(tokens.SESSION_RISKS)),
      // Check the session keys before the store opens: wrong keys are a configuration error (78).
      TE.chainFirst(() => part(tokens.TOKEN_OPTIONS)),
      TE.bind("server", () => part(tokens.SERVER)),
      TE.bind("relay", () => part(tokens.RELAY)),
      TE.chainFirst(({ server }) =>
        TE.tryCatch(
          () => server.start(),
          (fault) =>
            failed(`cannot listen: ${fault instanceof Error ? fault.message : String(fault)}`),
        ),
      ),
      TE.chainFirstIOK(({ server, ...parts }) => () => {
        logListening({ ...parts, url: server.info.uri });
      }),
      TE.bind("signal", () => TE.fromTask(() => ended)),
      TE.map(({ log, signal }) => log.info({ signal }, "stopping")),
    ),
  );
};

/** Logs the server's address and its warnings to the operator. */
const logListening = ({ url, log, config, sessionRisks }: Listening): void => {
  log.info({ url }, "listening");
  if (config.gateway._tag === "LOG") {
    log.warn("messages are only logged, not sent: there are no keys for RongCloud");
  }
  for (const risk of sessionRisks) {
    log.warn(risk);
  }
};
