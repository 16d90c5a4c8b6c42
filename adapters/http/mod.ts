/**
 * What every HTTP face shares: the route table, from the request's bytes to the answer's, and the
 * errors as answers. A face carries requests in and answers out, and decides nothing.
 *
 * @module
 */
export {
  type Answering,
  answerTo,
  methodNotAllowed,
  reasonOf,
  refusing,
  routeTable,
} from "./answer.ts";
export type { Answered, OnAnswered } from "./answered.ts";
export { assetRoutes } from "./assets.ts";
export type { FailureLimit, RateLimit } from "./authentication.ts";
export { readBody } from "./bodies.ts";
export { errorResponse } from "./error-response.ts";
export type { HttpError, TransportError } from "./errors.ts";
export type { EventStream } from "./event-stream.ts";
export { type HttpRequest, type HttpResponse, ok, SECURITY_HEADERS } from "./messages.ts";
export { type OperationRouteOptions, operationRoutes } from "./operations.ts";
export { requestId } from "./request-id.ts";
export { type MiscRouteOptions, miscRoutes, type Route } from "./routes.ts";
