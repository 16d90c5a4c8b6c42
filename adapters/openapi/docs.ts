import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import * as O from "fp-ts/lib/Option.js";
import type { Task } from "fp-ts/lib/Task.js";

/** A file of a page, and where it is served. */
export interface Asset {
  readonly path: string;
  readonly contentType: string;
  readonly read: Task<string>;
}

const PAGE = fileURLToPath(new URL("./page/", import.meta.url));

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
 * and from nowhere else. `none` where that is not installed.
 */
export const findDocs = (): O.Option<ReadonlyArray<Asset>> => {
  const swagger = O.tryCatch(() =>
    dirname(createRequire(import.meta.url).resolve("swagger-ui-dist/package.json")),
  );
  return O.Functor.map(swagger, (dir) =>
    (
      [
        ["/docs", HTML, join(PAGE, "index.html")],
        ["/docs/page.js", SCRIPT, join(PAGE, "page.js")],
        ["/docs/swagger-ui.css", CSS, join(dir, "swagger-ui.css")],
        ["/docs/swagger-ui-bundle.js", SCRIPT, join(dir, "swagger-ui-bundle.js")],
      ] as const
    ).map(([path, contentType, file]) => ({ path, contentType, read: reading(file) })),
  );
};
