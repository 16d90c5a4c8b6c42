/**
 * The HTTP face on web standards: one function from a `Request` to its `Response`.
 *
 * @module
 */
export type { Answered, OnAnswered } from "../http/mod.ts";
export { type FetchHandlerOptions, makeFetchHandler } from "./handler.ts";
