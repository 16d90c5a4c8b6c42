import {
  answerTo,
  type HttpRequest,
  type HttpResponse,
  type MiscRouteOptions,
  miscRoutes,
  type OnAnswered,
  type OperationRouteOptions,
  operationRoutes,
  requestId,
  routeTable,
} from "../http/mod.ts";
import { bytesOf } from "./body.ts";

/** What the handler works on. */
export interface FetchHandlerOptions extends MiscRouteOptions {
  /** What /metrics and /openapi.json show; without it, the routes of /misc alone are served. */
  readonly operations?: Omit<OperationRouteOptions, "misc">;
  /** Where a request comes from: without it, failed sessions are not counted. */
  readonly addressOf?: (request: Request) => string | undefined;
  /** How long a body may take to arrive, in milliseconds: 10,000 unless it says otherwise. */
  readonly bodyMs?: number;
  /** Hears of each answer, for a log and metrics. */
  readonly onAnswered?: OnAnswered;
}

/**
 * The routes of /misc as one function from a web-standard request to its response, for any server
 * or runtime that knows these. It answers whatever comes, with a 404 what is not its own, and never
 * rejects.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { createMisc } from "sealtalk-misc";
 * import { makeFetchHandler } from "sealtalk-misc/fetch";
 * import { makeMemoryPorts } from "sealtalk-misc/memory";
 * import { makeSessions } from "sealtalk-misc/session";
 *
 * const misc = createMisc(makeMemoryPorts());
 * const secret = crypto.getRandomValues(new Uint8Array(32));
 * const handle = makeFetchHandler({ misc, sessions: makeSessions({ secret, cookie: "session" }) });
 * const answer = await handle(new Request("http://localhost/misc/latest_update?version=1.0.2"));
 * assert.equal(answer.status, 204);
 * ```
 */
export const makeFetchHandler = ({
  operations,
  bodyMs,
  onAnswered = () => {},
  addressOf = () => undefined,
  ...options
}: FetchHandlerOptions): ((request: Request) => Promise<Response>) => {
  const routeFor = routeTable([
    ...miscRoutes(options),
    ...(operations === undefined ? [] : operationRoutes({ ...operations, misc: options.misc })),
  ]);
  return async (request) => {
    const arrivedAt = Date.now();
    const target = targetOf(request.url);
    const route = routeFor(target.path, request.method);
    const answer = await answerTo(route, requestOf(request, target.query, bodyMs, addressOf));
    const id = requestId(request.headers.get("x-request-id") ?? undefined);
    onAnswered({
      requestId: id,
      method: request.method,
      route: route.path,
      answer,
      durationMs: Date.now() - arrivedAt,
    });
    return responseOf(request, answer, id);
  };
};

const TARGET = /^[^:]+:\/\/[^/?#]*([^?#]*)(?:\?([^#]*))?/;

// A request's URL has been parsed and written anew by whoever made the request.
const targetOf = (url: string): { readonly path: string; readonly query: string } => {
  const [, path = "", query = ""] = TARGET.exec(url) ?? [];
  return { path, query };
};

const requestOf = (
  request: Request,
  query: string,
  bodyMs: number | undefined,
  addressOf: (request: Request) => string | undefined,
): HttpRequest => ({
  address: () => addressOf(request),
  query: () => new URLSearchParams(query),
  header: (name) => request.headers.get(name) ?? undefined,
  body: bytesOf(request, bodyMs),
});

const responseOf = (
  { method }: Request,
  { status, headers, body }: HttpResponse,
  id: string,
): Response =>
  new Response(method === "HEAD" || body === "" ? null : body, {
    status,
    headers: { ...headers, "x-request-id": id },
  });
