import * as O from "fp-ts/lib/Option.js";
import type { Bind } from "inversify";
import type { Config } from "../config/mod.ts";
import { makeLogger, makePrettyLogger } from "../logging/mod.ts";
import type { Tracing } from "../tracing/mod.ts";
import { ConfigurationFault } from "./opening.ts";
import { provide } from "./provide.ts";
import * as tokens from "./tokens.ts";

/** Binds what tells of the service: its log, its metrics, its traces. */
export const bindObserving = (bind: Bind, isTerminal: boolean): void => {
  provide(bind, tokens.LOGGER, [tokens.CONFIG], ({ logLevel }) =>
    isTerminal ? makePrettyLogger(logLevel) : makeLogger(logLevel),
  );
  provide(bind, tokens.METRICS, [tokens.STORE], async ({ outbox }) => {
    const { makeMetrics } = await import("../metrics/mod.ts");
    return makeMetrics({ outbox });
  });
  provide(
    bind,
    tokens.TRACING,
    [tokens.CONFIG],
    ({ tracing }) => startTracing(tracing),
    (tracing) => (O.isSome(tracing) ? tracing.value.close() : Promise.resolve()),
  );
};

// The packages are for who traces, and their loading is no part of anybody else's start.
const startTracing = async (config: Config["tracing"]): Promise<O.Option<Tracing>> => {
  if (O.isNone(config)) {
    return O.none;
  }
  try {
    const { makeTracing } = await import("../tracing/mod.ts");
    return O.some(makeTracing(config.value));
  } catch {
    throw new ConfigurationFault(
      "OTEL_EXPORTER_OTLP_ENDPOINT: expected the peers @opentelemetry/* of this package to be installed",
    );
  }
};
