import { errorResponse } from "./error-response.ts";
import type { HttpRequest, HttpResponse } from "./messages.ts";
import type { Route } from "./routes.ts";
import { endOfTurn } from "./turn.ts";

/** What a route answers; what it throws is a fault of ours, and an answer too. */
export const answerTo = async (
  { answer }: Pick<Route, "answer">,
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

/** The same path for every method that it does not serve. */
export const methodNotAllowed = ({ method, path }: Route): Pick<Route, "path" | "answer"> => ({
  path,
  answer: () => async () =>
    errorResponse({ _tag: "METHOD_NOT_ALLOWED", allow: method === "GET" ? "GET, HEAD" : method }),
});

/** Whatever has no path of the table. */
export const notFound: Pick<Route, "path" | "answer"> = {
  path: "unknown",
  answer: () => async () => errorResponse({ _tag: "NOT_FOUND" }),
};
