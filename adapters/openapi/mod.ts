/**
 * The description of the HTTP face, as OpenAPI.
 *
 * @module
 */
import { readFile } from "node:fs/promises";
import type { Task } from "fp-ts/lib/Task.js";
import { parse } from "yaml";

const DOCUMENT = new URL("../../docs/openapi.yaml", import.meta.url);

/** The OpenAPI document as JSON text; docs/openapi.yaml is read when it is first asked for. */
export const makeOpenApi = (): Task<string> => {
  let document: Promise<string> | undefined;
  return () => {
    document ??= readFile(DOCUMENT, "utf8").then((yaml) => JSON.stringify(parse(yaml)));
    return document;
  };
};
