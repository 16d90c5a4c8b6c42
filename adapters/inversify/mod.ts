/**
 * The wiring: the one place that knows who implements what. A program that wants the whole service,
 * and one part of its own, binds that part's token anew before it asks for anything.
 *
 * @module
 */

export { type Config, type ConfigFault, renderFaults } from "../config/mod.ts";
export { type ContainerOptions, closeContainer, makeContainer } from "./container.ts";
export { ConfigurationFault, OpeningFault } from "./opening.ts";
export { provide, resolve, type Token } from "./provide.ts";
export * as tokens from "./tokens.ts";
