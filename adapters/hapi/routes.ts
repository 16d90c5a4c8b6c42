import type { IncomingMessage } from "node:http";
import type { Lifecycle, Request, ResponseObject, ResponseToolkit, ServerRoute } from "@hapi/hapi";
import * as E from "fp-ts/lib/Either.js";
import {
  type Answered,
  type Answering,
  answerTo,
  type HttpRequest,
  type HttpResponse,
  type OnAnswered,
  requestId,
} from "../http/mod.ts";

/** The network address that a request comes from, if it matters. */
export type AddressOf = (request: Request) => string | undefined;

/** Hands an answer to whoever writes it, with the id of its request. */
export type Respond = (
  request: Request,
  toolkit: ResponseToolkit,
  answer: HttpResponse,
  requestId: string,
) => Lifecycle.ReturnValue;

/** How routes are served. */
export interface ServeOptions {
  readonly onAnswered: OnAnswered;
  readonly addressOf?: AddressOf;
  /** {@link throughHapi} unless it says otherwise. */
  readonly respond?: Respond;
}

/** What answers a request of hapi's. */
export type RouteFor = (request: Request) => Answering;

/** One hapi route. hapi neither parses nor bounds what the route itself reads. */
export const serve = (
  method: "GET" | "POST" | "*",
  path: string,
  routeFor: RouteFor,
  options: ServeOptions,
): ServerRoute => ({
  method,
  path,
  handler: (request, toolkit) => answerBy(routeFor(request), request, toolkit, options),
  options: {
    auth: false,
    state: { parse: false, failAction: "ignore" },
    ...(method === "GET" ? {} : { payload: UNTOUCHED }),
  },
});

/** Answers a request, and tells of it. */
export const answerBy = async (
  route: Answering,
  request: Request,
  toolkit: ResponseToolkit,
  { onAnswered, addressOf = () => undefined, respond = throughHapi }: ServeOptions,
): Promise<Lifecycle.ReturnValueTypes> => {
  const answer = await answerTo(route, requestOf(request, addressOf));
  const id = idOf(request);
  tell(request, { requestId: id, route: route.path, answer }, onAnswered);
  return respond(request, toolkit, answer, id);
};

const UNTOUCHED = {
  output: "stream",
  parse: false,
  // What the client says of it is the route's to judge: hapi would refuse what it cannot read.
  override: "application/octet-stream",
  maxBytes: Number.MAX_SAFE_INTEGER,
  timeout: false,
} as const;

/** What the route table reads of a request, found out when it does. */
export const requestOf = (request: Request, addressOf: AddressOf): HttpRequest => ({
  address: () => addressOf(request),
  query: () => queryOf(request.raw.req.url ?? ""),
  header: (name) => headerOf(request, name),
  body: (maxBytes) => () => bytesOf(request.raw.req, maxBytes),
});

// Not from `request.url`: that needs a Host header which can be read.
const queryOf = (target: string): URLSearchParams =>
  new URLSearchParams(target.includes("?") ? target.slice(target.indexOf("?") + 1) : "");

const headerOf = ({ headers }: Request, name: string): string | undefined => {
  const value: unknown = headers[name];
  return typeof value === "string" ? value : undefined;
};

// By its events, which take less than the stream's iterator. Whoever stops reading halfway still wants
// to answer: the socket must live.
const bytesOf = (
  incoming: IncomingMessage,
  maxBytes: number,
): ReturnType<ReturnType<HttpRequest["body"]>> =>
  new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const take = (chunk: Buffer): void => {
      size += chunk.byteLength;
      chunks.push(chunk);
      if (size > maxBytes) {
        incoming.off("data", take).pause();
        resolve(E.left({ _tag: "PAYLOAD_TOO_LARGE" }));
      }
    };
    const lose = (): void => resolve(E.left({ _tag: "REQUEST_TIMEOUT" }));
    if (incoming.destroyed) {
      lose();
      return;
    }
    incoming
      .on("data", take)
      .once("end", () => resolve(E.right(Buffer.concat(chunks))))
      .once("error", lose)
      .once("close", lose);
  });

/** The id that a request brings, or a new one. */
export const idOf = (request: Request): string => requestId(headerOf(request, "x-request-id"));

/** Tells of an answer. */
export const tell = (
  request: Request,
  { requestId, route, answer }: Pick<Answered, "requestId" | "route" | "answer">,
  onAnswered: OnAnswered,
): void =>
  onAnswered({
    requestId,
    method: request.method.toUpperCase(),
    route,
    answer,
    durationMs: Date.now() - request.info.received,
  });

/** Makes an answer hapi's, for all that a server does to its responses. */
export const throughHapi = (
  _: Request,
  toolkit: ResponseToolkit,
  { status, headers, body }: HttpResponse,
  requestId: string,
): ResponseObject => {
  const response = toolkit.response(body === "" ? undefined : body).code(status);
  for (const [name, value] of Object.entries(headers)) {
    response.header(name, value);
  }
  return response.header("x-request-id", requestId);
};

/**
 * Writes an answer to the socket, which is a third of the work of a small request less than hapi's
 * own way takes: for a server whose extensions and settings have nothing to add to it.
 */
export const straight: Respond = (request, toolkit, { status, headers, body }, requestId) => {
  const { req, res } = request.raw;
  const head = [...listOf(headers), "x-request-id", requestId];
  if (!BODILESS.has(status)) {
    head.push("content-length", String(Buffer.byteLength(body)));
  }
  // As hapi has it: after a body that was not read, or once the server stops, nothing comes.
  if (request.server.info.started === 0 || !req.complete) {
    head.push("connection", "close");
  }
  res.writeHead(status, head).end(request.method === "head" ? undefined : body);
  return toolkit.abandon;
};

const BODILESS: ReadonlySet<number> = new Set([204, 304]);

// Most answers have their headers from a few objects.
const lists = new WeakMap<HttpResponse["headers"], ReadonlyArray<string>>();

/** Names and values in turn, as node:http takes them without looking for what was set before. */
const listOf = (headers: HttpResponse["headers"]): ReadonlyArray<string> => {
  const found = lists.get(headers);
  if (found !== undefined) {
    return found;
  }
  const list = Object.entries(headers).flat();
  lists.set(headers, list);
  return list;
};
