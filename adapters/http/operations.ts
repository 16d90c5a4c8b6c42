import { pipe } from "fp-ts/lib/function.js";
import * as T from "fp-ts/lib/Task.js";
import * as TE from "fp-ts/lib/TaskEither.js";
import type { Misc, Unready } from "../../core/mod.ts";
import { withDeadline } from "./deadline.ts";
import { errorResponse } from "./error-response.ts";
import type { HttpError } from "./errors.ts";
import { json, ok, PRIVATE, respond } from "./messages.ts";
import type { Route } from "./routes.ts";

/** What the routes for operators show. */
export interface OperationRouteOptions {
  readonly misc: Misc;
  /** The metrics in Prometheus' text format. */
  readonly metrics: { readonly contentType: string; readonly read: T.Task<string> };
  /** The OpenAPI document, as JSON text. */
  readonly openApi: T.Task<string>;
}

/** The routes by which operators watch the service. */
export const operationRoutes = ({
  misc,
  metrics,
  openApi,
}: OperationRouteOptions): ReadonlyArray<Route> => [
  { method: "GET", path: "/healthz", answer: () => T.of(json(200, { status: "ok" }, PRIVATE)) },
  {
    method: "GET",
    path: "/readyz",
    answer: () =>
      pipe(
        TE.fromTask(misc.readiness()),
        withDeadline(DEADLINE_MS),
        // Only the store is asked something that it can leave unanswered.
        TE.getOrElse((error) => T.of<ReadonlyArray<Unready>>([{ part: "store", error }])),
        T.map((unready) =>
          unready[0] === undefined
            ? json(200, { status: "ready" }, PRIVATE)
            : errorResponse(asUnavailable(unready[0].error), {
                message: `Not ready: ${unready.map(({ part }) => part).join(", ")}.`,
                unready: unready.map(({ part }) => part),
              }),
        ),
      ),
  },
  {
    method: "GET",
    path: "/metrics",
    answer: () =>
      pipe(
        TE.fromTask(metrics.read),
        withDeadline(DEADLINE_MS),
        TE.match(errorResponse, (body) =>
          respond(200, { "content-type": metrics.contentType, ...PRIVATE }, body),
        ),
      ),
  },
  {
    method: "GET",
    path: "/openapi.json",
    answer: () =>
      pipe(
        openApi,
        T.map((body) => ({ ...ok(null), body })),
      ),
  },
];

/** A probe is answered within 5 seconds too. */
const DEADLINE_MS = 4_500;

const asUnavailable = (error: HttpError): HttpError =>
  error._tag === "GATEWAY_REJECTED"
    ? { _tag: "GATEWAY_UNAVAILABLE", delivery: "none", cause: `rejected: ${error.gatewayCode}` }
    : error;
