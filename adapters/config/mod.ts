/**
 * The program's configuration, read from its environment. Internal to the program.
 *
 * @module
 */
export { type Config, readConfig, renderFaults } from "./config.ts";
export type { LegacyCookieConfig, SessionConfig } from "./sessions.ts";
export type { StoreConfig } from "./store.ts";
export type { ConfigFault } from "./variables.ts";
