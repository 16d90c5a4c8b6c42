import type { Either } from "fp-ts/lib/Either.js";
import type { HttpRequest, HttpResponse } from "./messages.ts";

/** Server-sent events at a path, for faces that can answer bit by bit. */
export interface EventStream {
  readonly path: string;
  /** The events, as text, until `ended`; or an answer that says why there are none. */
  readonly open: (
    request: Pick<HttpRequest, "header">,
    ended: AbortSignal,
  ) => Either<HttpResponse, AsyncGenerator<string>>;
}
