import type * as O from "fp-ts/lib/Option.js";
import type * as TE from "fp-ts/lib/TaskEither.js";
import type {
  GroupProfiles,
  IdCodec,
  ImportableSettings,
  MessageGateway,
  Misc,
  MiscError,
  Outbox,
  RelationshipDirectory,
  Relationships,
  Releases,
  StoreUnavailable,
  UserId,
} from "../../core/mod.ts";
import type { Config } from "../config/mod.ts";
import type { FileVersionSource } from "../file/mod.ts";
import type { makeServer } from "../hapi/mod.ts";
import type { RateLimit } from "../http/mod.ts";
import type { Logger } from "../logging/mod.ts";
import type { Metrics } from "../metrics/mod.ts";
import type { MysqlDatabase } from "../mysql/mod.ts";
import type { Relay } from "../relay/mod.ts";
import type { Sessions, TokenOptions } from "../session/mod.ts";
import type { KeepAliveFetch } from "../undici/mod.ts";
import { makeToken, type Token } from "./provide.ts";

// What commands read in SealTalk's database, which they have by way of these tokens alone.
export type { Table, Tables } from "../mysql/mod.ts";

/** The ports that one store serves, and its end. */
export interface Store {
  /** How the store's own settings can lose what was acknowledged, one sentence for each. */
  readonly risks: TE.TaskEither<StoreUnavailable, ReadonlyArray<string>>;
  /** The client of a store on Redis, for what is counted beside it. */
  readonly client: O.Option<object>;
  readonly settings: ImportableSettings;
  readonly outbox: Outbox;
  readonly relationships: RelationshipDirectory;
  readonly close: () => Promise<void>;
}

/** Signs a session token until then, in milliseconds since the epoch, or says why it cannot. */
export type SignToken = (user: UserId, expiresAt: number) => TE.TaskEither<string, string>;

/** What works of the sessions, and may not be what the operator wants: one sentence for each. */
export type SessionRisks = ReadonlyArray<string>;

/** Reads the release files once, or lists what is wrong with them, a line each. */
export type ReadReleases = TE.TaskEither<ReadonlyArray<string>, Releases>;

/** Asks the gateway, without a message, whether it would take one. */
export type ProbeGateway = TE.TaskEither<MiscError, void>;

export const CONFIG: Token<Config> = makeToken("Config");
export const LOGGER: Token<Logger> = makeToken("Logger");
export const METRICS: Token<Metrics> = makeToken("Metrics");
export const STORE: Token<Store> = makeToken("Store");
export const MYSQL: Token<O.Option<MysqlDatabase>> = makeToken("MysqlDatabase");
export const RELATIONSHIPS: Token<Relationships> = makeToken("Relationships");
export const RELEASE_FILES: Token<FileVersionSource> = makeToken("FileVersionSource");
export const READ_RELEASES: Token<ReadReleases> = makeToken("ReadReleases");
export const IDS: Token<IdCodec> = makeToken("IdCodec");
export const GROUPS: Token<GroupProfiles> = makeToken("GroupProfiles");
export const KEEP_ALIVE: Token<KeepAliveFetch> = makeToken("KeepAliveFetch");
export const GATEWAY: Token<MessageGateway> = makeToken("MessageGateway");
export const PROBE_GATEWAY: Token<ProbeGateway> = makeToken("ProbeGateway");
export const MISC: Token<Misc> = makeToken("Misc");
export const TOKEN_OPTIONS: Token<TokenOptions> = makeToken("TokenOptions");
export const SIGN_TOKEN: Token<SignToken> = makeToken("SignToken");
export const SESSIONS: Token<Sessions> = makeToken("Sessions");
export const SESSION_RISKS: Token<SessionRisks> = makeToken("SessionRisks");
export const RATE_LIMIT: Token<RateLimit> = makeToken("RateLimit");
export const RELAY: Token<Relay> = makeToken("Relay");
export const SERVER: Token<Awaited<ReturnType<typeof makeServer>>> = makeToken("Server");
