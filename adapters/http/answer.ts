import { errorResponse } from "./error-response.ts";
import type { HttpError } from "./errors.ts";
import type { HttpRequest, HttpResponse } from "./messages.ts";
import type { Route } from "./routes.ts";
import { endOfTurn } from "./turn.ts";

/** What a route answers; what it throws is a fault of ours, and an answer too. */
export const answerTo = async (
  { answer }: Answering,
  request: HttpRequest,
): Promise<HttpResponse> => {
  await endOfTurn();
  try {
    return await answer(request)();
  } catch (fault) {
    return errorResponse({ _tag: "INTERNAL_ERROR", cause: reasonOf(fault) });
  }
};

/** Why something was thrown, for the log. */
export const reasonOf = (fault: unknown): string =>
  fault instanceof Error ? (fault.stack ?? fault.message) : String(fault);

/** What answers a request, and the path that it is counted under. */
export type Answering = Pick<Route, "path" | "answer">;

/** An error as the answer to whatever comes. */
export const refusing = (error: HttpError, path = "unknown"): Answering => ({
  path,
  answer: () => async () => errorResponse(error),
});

/** The same path for every method that it does not serve. */
export const methodNotAllowed = ({ method, path }: Route): Answering =>
  refusing({ _tag: "METHOD_NOT_ALLOWED", allow: method === "GET" ? "GET, HEAD" : method }, path);

/**
 * Finds what answers a path and a method: each route's path is there with and without a trailing
 * slash. A path has one route.
 */
export const routeTable = (
  routes: ReadonlyArray<Route>,
): ((path: string, method: string) => Answering) => {
  const table = new Map(
    routes.flatMap((route) => [
      [route.path, route],
      [`${route.path}/`, route],
    ]),
  );
  return (path, method) => {
    const route = table.get(path);
    if (route === undefined) {
      return NOT_FOUND;
    }
    const serves = method === route.method || (method === "HEAD" && route.method === "GET");
    return serves ? route : methodNotAllowed(route);
  };
};

const NOT_FOUND = refusing({ _tag: "NOT_FOUND" });
