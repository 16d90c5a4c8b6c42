/**
 * The wiring: the one place that knows who implements what.
 *
 * @module
 */

export { type Config, renderFaults } from "../config/mod.ts";
export { ConfigurationFault, closeContainer, makeContainer } from "./container.ts";
export { resolve, type Token } from "./provide.ts";
export * as tokens from "./tokens.ts";
