import { createServer, type Server, STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import Hapi from "@hapi/hapi";
import * as O from "fp-ts/lib/Option.js";
import {
  type Answering,
  type EventStream,
  errorResponse,
  type HttpError,
  miscRoutes,
  type OperationRouteOptions,
  operationRoutes,
  type Route,
  reasonOf,
  refusing,
  requestId,
  routeTable,
} from "../http/mod.ts";
import { addressBehind } from "./address.ts";
import { serveEvents } from "./event-streams.ts";
import type { MiscPluginOptions } from "./plugin.ts";
import {
  answerBy,
  type RouteFor,
  type ServeOptions,
  serve,
  straight,
  throughHapi,
} from "./routes.ts";

/** Where the server listens and what it serves. */
export interface ServerOptions extends MiscPluginOptions, Omit<OperationRouteOptions, "misc"> {
  readonly host: string;
  /** 0 picks a free one. */
  readonly port: number;
  /** The origins whose pages may call with the user's credentials; none: no other origin may. */
  readonly corsOrigins: ReadonlyArray<string>;
  /** Routes besides those of /misc and of operators. */
  readonly more?: ReadonlyArray<Route>;
  readonly eventStreams?: ReadonlyArray<EventStream>;
}

const REQUEST_TIMEOUT_MS = 10_000;

/** How often connections are looked at whose time is over. */
const LOOK_MS = 1_000;

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
  more = [],
  eventStreams = [],
  onAnswered = () => {},
  trustedProxies = [],
  ...options
}: ServerOptions): Promise<Hapi.Server> => {
  const server = Hapi.server({
    host,
    port,
    listener: makeListener(),
    // A strong ETag stands for these bytes, not for what gzip makes of them.
    compression: false,
    // What a handler throws is answered and logged by the routes: hapi need not print it.
    debug: false,
    routes: { cors: corsOrigins.length === 0 ? false : corsFor(corsOrigins) },
  });
  // In place of hapi's, which answers without a body.
  server.listener.removeAllListeners("clientError").on("clientError", refuseUnreadable);
  const serving: ServeOptions = {
    onAnswered,
    addressOf: addressBehind(trustedProxies),
    // Nothing here adds to an answer but what hapi does for other origins.
    respond: corsOrigins.length === 0 ? straight : throughHapi,
  };
  const routes = [
    ...miscRoutes(options),
    ...operationRoutes({ misc: options.misc, metrics, openApi }),
  ];
  const find = routeTable([...routes, ...more]);
  const routeFor: RouteFor = ({ path, method }) => find(path, method.toUpperCase());
  // hapi takes a millisecond to make a route: what is asked for seldom, or in another way than a
  // route's own, shares one.
  server.route([
    ...routes.map((route) => serve(route.method, route.path, () => route, serving)),
    serve("*", "/{any*}", routeFor, serving),
  ]);
  serveEvents(server, eventStreams, onAnswered);
  server.ext("onPreResponse", async (request, toolkit) => {
    const { response } = request;
    if (response instanceof Error) {
      const route = refusalOf(response, request.path, () => routeFor(request));
      return answerBy(route, request, toolkit, { onAnswered });
    }
    if (response.headers["x-request-id"] === undefined) {
      response.header("x-request-id", requestId(undefined)).header("cache-control", "private");
    }
    return toolkit.continue;
  });
  return server;
};

const makeListener = (): Server =>
  createServer({
    requestTimeout: REQUEST_TIMEOUT_MS,
    headersTimeout: REQUEST_TIMEOUT_MS,
    connectionsCheckingInterval: LOOK_MS,
    requireHostHeader: false,
  });

/** Answers what is no HTTP, or came too slowly, before it is a request that hapi knows of. */
const refuseUnreadable = (fault: NodeJS.ErrnoException, socket: Duplex): void => {
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  const { status, headers, body } = errorResponse(
    fault.code === "ERR_HTTP_REQUEST_TIMEOUT" ? { _tag: "REQUEST_TIMEOUT" } : UNREADABLE,
  );
  const lines = Object.entries({
    ...headers,
    "x-request-id": requestId(undefined),
    "content-length": String(Buffer.byteLength(body)),
    connection: "close",
  }).map(([name, value]) => `${name}: ${value}\r\n`);
  const answer = `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join("")}\r\n${body}`;
  // Whoever does not hang up in turn would keep the connection, and nobody looks at it any more.
  socket.end(answer, () => socket.destroy());
};

const UNREADABLE: HttpError = {
  _tag: "INVALID_INPUT",
  field: "request",
  expected: "well-formed HTTP",
};

const isReadable = (path: string): boolean => O.isSome(O.tryCatch(() => decodeURIComponent(path)));

const corsFor = (origins: ReadonlyArray<string>): Hapi.RouteOptionsCors => ({
  origin: [...origins],
  credentials: true,
  additionalHeaders: ["X-Request-Id"],
  exposedHeaders: ["ETag", "Retry-After", "X-Request-Id"],
});

/** What hapi itself refuses: a path that it cannot read, and OPTIONS that are no preflight. */
const refusalOf = (
  fault: Error & { readonly output?: { readonly statusCode: number } },
  path: string,
  routeThere: () => Answering,
): Answering => {
  const status = fault.output?.statusCode ?? 500;
  // To a preflight of a path that it cannot read hapi has no answer but an exception.
  if (status >= 500 && isReadable(path)) {
    return refusing({ _tag: "INTERNAL_ERROR", cause: reasonOf(fault) });
  }
  return status === 404 ? routeThere() : refusing(UNREADABLE);
};
