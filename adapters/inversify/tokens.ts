import type { Server } from "@hapi/hapi";
import type {
  IdCodec,
  MessageGateway,
  Misc,
  Outbox,
  RelationshipDirectory,
  SettingsRepository,
  VersionSource,
} from "../../core/mod.ts";
import type { Config } from "../config/mod.ts";
import type { FileVersionSource } from "../file/mod.ts";
import type { RateLimit } from "../http/mod.ts";
import type { Logger } from "../logging/mod.ts";
import type { Metrics } from "../metrics/mod.ts";
import type { Relay } from "../relay/mod.ts";
import type { Sessions, TokenOptions } from "../session/mod.ts";
import { makeToken, type Token } from "./provide.ts";

/** The ports that one store serves, and its end. */
export interface Store {
  readonly settings: SettingsRepository;
  readonly outbox: Outbox;
  readonly relationships: RelationshipDirectory;
  readonly close: () => Promise<void>;
}

export const CONFIG: Token<Config> = makeToken("Config");
export const LOGGER: Token<Logger> = makeToken("Logger");
export const METRICS: Token<Metrics> = makeToken("Metrics");
export const STORE: Token<Store> = makeToken("Store");
export const RELEASE_FILES: Token<FileVersionSource> = makeToken("FileVersionSource");
export const VERSIONS: Token<VersionSource> = makeToken("VersionSource");
export const GATEWAY: Token<MessageGateway> = makeToken("MessageGateway");
export const IDS: Token<IdCodec> = makeToken("IdCodec");
export const MISC: Token<Misc> = makeToken("Misc");
export const TOKEN_OPTIONS: Token<TokenOptions> = makeToken("TokenOptions");
export const SESSIONS: Token<Sessions> = makeToken("Sessions");
export const RATE_LIMIT: Token<RateLimit> = makeToken("RateLimit");
export const RELAY: Token<Relay> = makeToken("Relay");
export const SERVER: Token<Server> = makeToken("Server");
