/**
 * The description of the HTTP face, as OpenAPI.
 *
 * @module
 */
import { readFile } from "node:fs/promises";
import type { Task } from "fp-ts/lib/Task.js";

export { findDocs } from "./docs.ts";

const DOCUMENT = new URL("../../docs/openapi.yaml", import.meta.url);

/** The OpenAPI document as JSON text; docs/openapi.yaml is read when it is first asked for. */
export const makeOpenApi = (): Task<string> => {
  let document: Promise<string> | undefined;
  return () => {
    document ??= convert();
    return document;
  };
};

// The parser is loaded with the document: start-up waits for neither.
const convert = async (): Promise<string> => {
  const [{ parse }, text] = await Promise.all([import("yaml"), readFile(DOCUMENT, "utf8")]);
  return JSON.stringify(parse(text));
};
