/**
 * The program's configuration, read from its environment. Internal to the program.
 *
 * @module
 */
export {
  type Config,
  type ConfigChecks,
  type ConfigFault,
  type GatewayConfig,
  type IdsConfig,
  type JwksSource,
  type LegacyCookieConfig,
  type LogLevel,
  type MysqlConfig,
  readConfig,
  renderFaults,
  type Secret,
  type SessionConfig,
  type SessionSecret,
  type StoreConfig,
} from "./config.ts";
