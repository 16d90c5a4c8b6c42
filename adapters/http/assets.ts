import { pipe } from "fp-ts/lib/function.js";
import * as T from "fp-ts/lib/Task.js";
import { PRIVATE, respond } from "./messages.ts";
import type { Route } from "./routes.ts";

/** A file of a page, and where it is served. */
export interface Asset {
  readonly path: string;
  readonly contentType: string;
  readonly read: T.Task<string>;
}

// Nothing inline, nothing from elsewhere.
const PAGE_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** The files of a page as routes: unlike every other answer, they may be shown and run. */
export const assetRoutes = (
  assets: ReadonlyArray<Asset>,
  policy: string = PAGE_POLICY,
): ReadonlyArray<Route> =>
  assets.map(({ path, contentType, read }) => ({
    method: "GET",
    path,
    answer: () =>
      pipe(
        read,
        T.map((body) =>
          respond(
            200,
            { "content-type": contentType, "content-security-policy": policy, ...PRIVATE },
            body,
          ),
        ),
      ),
  }));
