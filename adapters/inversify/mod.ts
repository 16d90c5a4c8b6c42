/**
 * The wiring: the one place that knows who implements what.
 *
 * @module
 */
export { ConfigurationFault, closeContainer, makeContainer } from "./container.ts";
export { resolve, type Token } from "./provide.ts";
export * as tokens from "./tokens.ts";
