import type { Request, ResponseObject, ResponseToolkit, ServerRoute } from "@hapi/hapi";
import {
  answerTo,
  type HttpRequest,
  type HttpResponse,
  type OnAnswered,
  type Route,
  refusing,
  requestId,
  SECURITY_HEADERS,
} from "../http/mod.ts";

/** The network address that a request comes from, if it matters. */
export type AddressOf = (request: Request) => string | undefined;

/**
 * The route table as hapi routes: each path with and without a trailing slash, and a 405 for every
 * other method.
 */
export const hapiRoutes = (
  routes: ReadonlyArray<Route>,
  onAnswered: OnAnswered,
  addressOf: AddressOf = () => undefined,
): ReadonlyArray<ServerRoute> =>
  routes.flatMap((route) =>
    [route.path, `${route.path}/`].flatMap((path) => [
      serve(route.method, path, route, onAnswered, addressOf),
      serve("*", path, refusing(route), onAnswered),
    ]),
  );

/** One hapi route. hapi neither parses nor bounds what the route itself reads. */
export const serve = (
  method: "GET" | "POST" | "*",
  path: string,
  route: Pick<Route, "path" | "answer">,
  onAnswered: OnAnswered,
  addressOf: AddressOf = () => undefined,
): ServerRoute => ({
  method,
  path,
  handler: async (request, toolkit) => {
    const answer = await answerTo(route, requestOf(request, addressOf(request)));
    return respond(request, toolkit, route.path, answer, onAnswered);
  },
  options: {
    auth: false,
    state: { parse: false, failAction: "ignore" },
    ...(method === "GET" ? {} : { payload: UNTOUCHED }),
  },
});

const UNTOUCHED = {
  output: "stream",
  parse: false,
  maxBytes: Number.MAX_SAFE_INTEGER,
  timeout: false,
} as const;

/** What the route table reads of a request. */
export const requestOf = (request: Request, address: string | undefined): HttpRequest => ({
  ...(address === undefined ? {} : { address }),
  query: queryOf(request.raw.req.url ?? ""),
  header: (name) => headerOf(request, name),
  // Whoever stops reading halfway still wants to answer: the socket must live.
  body: request.raw.req.iterator({ destroyOnReturn: false }),
});

// Not from `request.url`: that needs a Host header which can be read.
const queryOf = (target: string): URLSearchParams =>
  new URLSearchParams(target.includes("?") ? target.slice(target.indexOf("?") + 1) : "");

const headerOf = ({ headers }: Request, name: string): string | undefined => {
  const value: unknown = headers[name];
  return typeof value === "string" ? value : undefined;
};

/** Turns an answer into hapi's, with the request's id, and tells of it. */
export const respond = (
  request: Request,
  toolkit: ResponseToolkit,
  route: string,
  answer: HttpResponse,
  onAnswered: OnAnswered,
): ResponseObject => {
  const id = requestId(headerOf(request, "x-request-id"));
  const response = toolkit.response(answer.body === "" ? undefined : answer.body);
  response.code(answer.status);
  const headers = { ...SECURITY_HEADERS, ...answer.headers, "x-request-id": id };
  for (const [name, value] of Object.entries(headers)) {
    response.header(name, value);
  }
  onAnswered({
    requestId: id,
    method: request.method.toUpperCase(),
    route,
    answer,
    durationMs: Date.now() - request.info.received,
  });
  return response;
};
