import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { pipe } from "fp-ts/lib/function.js";
import * as O from "fp-ts/lib/Option.js";
import type { Task } from "fp-ts/lib/Task.js";
import { assetRoutes, type Route } from "../http/mod.ts";

const PAGE = fileURLToPath(new URL("./page/", import.meta.url));

// Only what this server serves may run there or be asked. Swagger UI has icons in its style sheet, and
// sets styles of single elements.
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; " +
  "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const CSS = "text/css; charset=utf-8";
const HTML = "text/html; charset=utf-8";
const SCRIPT = "text/javascript; charset=utf-8";

/** Reads a file when it is first asked for, and keeps it. */
const reading = (file: string): Task<string> => {
  let content: Promise<string> | undefined;
  return () => {
    content ??= readFile(file, "utf8");
    return content;
  };
};

/**
 * A page to browse the description by and to try requests on, at /docs: Swagger UI, from its package
 * and from nowhere else. There are no routes where that is not installed.
 */
export const findDocs = (): ReadonlyArray<Route> =>
  pipe(
    O.tryCatch(() =>
      dirname(createRequire(import.meta.url).resolve("swagger-ui-dist/package.json")),
    ),
    O.match(() => [], docsWith),
  );

const docsWith = (swagger: string): ReadonlyArray<Route> =>
  assetRoutes(
    (
      [
        ["/docs", HTML, join(PAGE, "index.html")],
        ["/docs/page.js", SCRIPT, join(PAGE, "page.js")],
        ["/docs/swagger-ui.css", CSS, join(swagger, "swagger-ui.css")],
        ["/docs/swagger-ui-bundle.js", SCRIPT, join(swagger, "swagger-ui-bundle.js")],
      ] as const
    ).map(([path, contentType, file]) => ({ path, contentType, read: reading(file) })),
    POLICY,
  );
