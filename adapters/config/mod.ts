/**
 * The program's configuration, read from its environment. Internal to the program.
 *
 * @module
 */
export { type Config, type IdsConfig, type LogLevel, readConfig, renderFaults } from "./config.ts";
export type { GatewayConfig } from "./gateway.ts";
export type { MysqlConfig } from "./mysql.ts";
export type { JwksSource, LegacyCookieConfig, SessionConfig, SessionSecret } from "./sessions.ts";
export type { StoreConfig } from "./store.ts";
export type { ConfigChecks, ConfigFault, Secret } from "./variables.ts";
