import { pipe } from "fp-ts/lib/function.js";
import * as TE from "fp-ts/lib/TaskEither.js";
import { type Config, type ContainerOptions, tokens } from "../inversify/mod.ts";
import { type PartOf, withApplication } from "./application.ts";
import { type Failure, failed } from "./failure.ts";
import type { Surroundings } from "./surroundings.ts";

/** Where log lines go. */
export type Logger = PartOf<typeof tokens.LOGGER>;

/** What there is to say of a server once it listens. */
export interface Listening {
  readonly url: string;
  readonly config: Config;
  readonly sessionRisks: tokens.SessionRisks;
}

type Metrics = PartOf<typeof tokens.METRICS>;

/** Runs a server and a relay in this process until it is asked to end. */
export const serveUntilEnded = (
  surroundings: Surroundings,
  wiring: Pick<ContainerOptions, "together">,
  onListening: (listening: Listening & { readonly log: Logger; readonly metrics: Metrics }) => void,
): TE.TaskEither<Failure, void> =>
  withApplication(surroundings, { ...wiring, serving: true })(({ part }) =>
    pipe(
      TE.Do,
      TE.bind("config", () => part(tokens.CONFIG)),
      TE.bind("log", () => part(tokens.LOGGER)),
      TE.bind("sessionRisks", () => part(tokens.SESSION_RISKS)),
      // Before the store: who restarts the program has to know that it is the configuration's fault.
      TE.chainFirst(() => part(tokens.TOKEN_OPTIONS)),
      TE.bind("server", () => part(tokens.SERVER)),
      TE.bind("relay", () => part(tokens.RELAY)),
      TE.bind("metrics", () => part(tokens.METRICS)),
      TE.chainFirst(({ server }) =>
        TE.tryCatch(
          () => server.start(),
          (fault) =>
            failed(`cannot listen: ${fault instanceof Error ? fault.message : String(fault)}`),
        ),
      ),
      TE.chainFirstIOK(({ server, ...parts }) => () => {
        onListening({ ...parts, url: server.info.uri });
      }),
      TE.bind("signal", () => TE.fromTask(surroundings.ended)),
      TE.map(({ log, signal }) => log.info({ signal }, "stopping")),
    ),
  );

/** Says where the server is, and of what its operator should know. */
export const logListening = (
  log: Logger,
  { url, config, sessionRisks }: Listening,
  more: { readonly workers?: number } = {},
): void => {
  log.info({ url, ...more }, "listening");
  if (config.gateway._tag === "LOG") {
    log.warn("messages are only logged, not sent: there are no keys for RongCloud");
  }
  for (const risk of sessionRisks) {
    log.warn(risk);
  }
};
