import { pipe } from "fp-ts/lib/function.js";
import * as TE from "fp-ts/lib/TaskEither.js";
import { tokens } from "../inversify/mod.ts";
import { withApplication } from "./application.ts";
import { type Failure, failed } from "./failure.ts";
import type { Surroundings } from "./surroundings.ts";

/** Serves until the process is asked to end; then what is in flight is finished first. */
export const serve = (surroundings: Surroundings): TE.TaskEither<Failure, void> => {
  // From now on, not from when it listens: who asks early is heeded too.
  const ended = surroundings.ended();
  return withApplication(surroundings, { serving: true })(({ part }) =>
    pipe(
      TE.Do,
      TE.bind("config", () => part(tokens.CONFIG)),
      TE.bind("log", () => part(tokens.LOGGER)),
      TE.bind("sessionRisks", () => part(tokens.SESSION_RISKS)),
      TE.bind("server", () => part(tokens.SERVER)),
      TE.bind("relay", () => part(tokens.RELAY)),
      TE.chainFirst(({ server }) =>
        TE.tryCatch(
          () => server.start(),
          (fault) =>
            failed(`cannot listen: ${fault instanceof Error ? fault.message : String(fault)}`),
        ),
      ),
      TE.chainFirstIOK(({ log, server, config, sessionRisks }) => () => {
        log.info({ url: server.info.uri }, "listening");
        if (config.gateway._tag === "LOG") {
          log.warn("messages are only logged, not sent: there are no keys for RongCloud");
        }
        for (const risk of sessionRisks) {
          log.warn(risk);
        }
      }),
      TE.bind("signal", () => TE.fromTask(() => ended)),
      TE.map(({ log, signal }) => log.info({ signal }, "stopping")),
    ),
  );
};
