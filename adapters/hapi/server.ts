import Hapi from "@hapi/hapi";
import {
  errorResponse,
  type HttpError,
  type OperationRouteOptions,
  operationRoutes,
} from "../http/mod.ts";
import { type MiscPluginOptions, miscPlugin } from "./plugin.ts";
import { hapiRoutes, reasonOf, respond, serve } from "./routes.ts";

/** Where the server listens and what it serves. */
export interface ServerOptions extends MiscPluginOptions, Omit<OperationRouteOptions, "misc"> {
  readonly host: string;
  /** 0 picks a free one. */
  readonly port: number;
  /** The origins whose pages may call with the user's credentials; none: no other origin may. */
  readonly corsOrigins: ReadonlyArray<string>;
}

const REQUEST_TIMEOUT_MS = 10_000;

/**
 * The standalone server: /misc, the operators' routes, and an error in the contract's words for
 * whatever else is asked. It is not started yet.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { createMisc } from "sealtalk-misc";
 * import { makeServer } from "sealtalk-misc/hapi";
 * import { makeMemoryPorts } from "sealtalk-misc/memory";
 * import { makeSessions } from "sealtalk-misc/session";
 *
 * const server = await makeServer({
 *   misc: createMisc(makeMemoryPorts()),
 *   sessions: makeSessions({ secret: new Uint8Array(32), cookie: "session" }),
 *   metrics: { contentType: "text/plain", read: async () => "" },
 *   openApi: async () => "{}",
 *   host: "127.0.0.1",
 *   port: 0,
 *   corsOrigins: [],
 * });
 * assert.equal((await server.inject("/healthz")).statusCode, 200);
 * ```
 */
export const makeServer = async ({
  host,
  port,
  corsOrigins,
  metrics,
  openApi,
  onAnswered = () => {},
  ...options
}: ServerOptions): Promise<Hapi.Server> => {
  const server = Hapi.server({
    host,
    port,
    // What a handler throws is answered and logged by the routes: hapi need not print it.
    debug: false,
    routes: { cors: corsOrigins.length === 0 ? false : corsFor(corsOrigins) },
  });
  server.listener.requestTimeout = REQUEST_TIMEOUT_MS;
  server.listener.headersTimeout = REQUEST_TIMEOUT_MS;
  await server.register({ plugin: miscPlugin, options: { ...options, onAnswered } });
  const operations = operationRoutes({ misc: options.misc, metrics, openApi });
  server.route([...hapiRoutes(operations, onAnswered)]);
  server.route(serve("*", "/{any*}", nothing, onAnswered));
  server.ext("onPreResponse", (request, toolkit) => {
    const { response } = request;
    return response instanceof Error
      ? respond(request, toolkit, "unknown", errorResponse(errorOf(response)), onAnswered)
      : toolkit.continue;
  });
  return server;
};

const corsFor = (origins: ReadonlyArray<string>): Hapi.RouteOptionsCors => ({
  origin: [...origins],
  credentials: true,
  additionalHeaders: ["X-Request-Id"],
  exposedHeaders: ["ETag", "Retry-After", "X-Request-Id"],
});

const nothing = {
  path: "unknown",
  answer: () => async () => errorResponse({ _tag: "NOT_FOUND" }),
} as const;

/** What hapi itself refuses, before any route is found: a path or a header that it cannot read. */
const errorOf = (
  fault: Error & { readonly output?: { readonly statusCode: number } },
): HttpError =>
  (fault.output?.statusCode ?? 500) < 500
    ? { _tag: "INVALID_INPUT", field: "request", expected: "well-formed HTTP" }
    : { _tag: "INTERNAL_ERROR", cause: reasonOf(fault) };
