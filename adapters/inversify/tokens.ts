/**
 * The names of the parts in the container, each tied to the type of its part.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { isRight } from "fp-ts/lib/Either.js";
 * import { makeContainer, resolve, tokens } from "sealtalk-misc/inversify";
 *
 * const wired = makeContainer({ STORE: "memory", RATE_LIMIT: "5" }, { serving: false });
 * assert.ok(isRight(wired));
 * const { rateLimit } = await resolve(wired.right, tokens.CONFIG);
 * assert.equal(rateLimit, 5);
 * ```
 *
 * @module
 */
import type { IO } from "fp-ts/lib/IO.js";
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
  StoreTransfer,
  StoreUnavailable,
  UserId,
} from "../../core/mod.ts";
import type { Config } from "../config/mod.ts";
import type { Inbox } from "../console/mod.ts";
import type { FileVersionSource } from "../file/mod.ts";
import type { makeServer } from "../hapi/mod.ts";
import type { FailureLimit, RateLimit } from "../http/mod.ts";
import type { Logger } from "../logging/mod.ts";
import type { Metrics } from "../metrics/mod.ts";
import type { MysqlDatabase } from "../mysql/mod.ts";
import type { Relay } from "../relay/mod.ts";
import type { Sessions, TokenOptions } from "../session/mod.ts";
import type { Tracing } from "../tracing/mod.ts";
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
  readonly transfer: StoreTransfer;
  readonly close: () => Promise<void>;
}

/** Which store the program uses, and whether it is there. */
export interface StoreLocation {
  /** Its kind and its place, without a password: `sqlite /var/lib/misc/store.db`. */
  readonly name: string;
  /** Whether the store was made before. A Redis always is. */
  readonly exists: IO<boolean>;
}

/** Copies of an embedded store. */
export interface Backups {
  /** Copies the store into a new file, while servers use it. */
  readonly backUp: (file: string) => TE.TaskEither<StoreUnavailable, void>;
  /** Puts a copy in the place of the store, and answers where the earlier one is kept. */
  readonly restore: (file: string) => TE.TaskEither<StoreUnavailable, string | undefined>;
}

/** Signs a session token until then, in milliseconds since the epoch, or says why it cannot. */
export type SignToken = (user: UserId, expiresAt: number) => TE.TaskEither<string, string>;

/** What works of the sessions, and may not be what the operator wants: one sentence for each. */
export type SessionRisks = ReadonlyArray<string>;

/** Reads the release files once, or lists what is wrong with them, a line each. */
export type ReadReleases = TE.TaskEither<ReadonlyArray<string>, Releases>;

/** Asks the gateway, without a message, whether it would take one. */
export type ProbeGateway = TE.TaskEither<MiscError, void>;

/** The configuration. */
export const CONFIG: Token<Config> = makeToken("Config");
/** Where log lines go. */
export const LOGGER: Token<Logger> = makeToken("Logger");
/** What is traced, if OTEL_EXPORTER_OTLP_ENDPOINT is set. */
export const TRACING: Token<O.Option<Tracing>> = makeToken("Tracing");
/** What /metrics counts. */
export const METRICS: Token<Metrics> = makeToken("Metrics");
/** The store that STORE names. */
export const STORE: Token<Store> = makeToken("Store");
/** Where that store is; asking for this opens nothing. */
export const STORE_LOCATION: Token<StoreLocation> = makeToken("StoreLocation");
/** The backups of that store, if it is an embedded one. */
export const BACKUPS: Token<O.Option<Backups>> = makeToken("Backups");
/** The SealTalk database at MYSQL_URL, if that is set. */
export const MYSQL: Token<O.Option<MysqlDatabase>> = makeToken("MysqlDatabase");
/** Who knows whom: the database's tables, if there is one, else the store's. */
export const RELATIONSHIPS: Token<Relationships> = makeToken("Relationships");
/** The files in RELEASES_DIR, watched. */
export const RELEASE_FILES: Token<FileVersionSource> = makeToken("FileVersionSource");
/** The same files, read once. */
export const READ_RELEASES: Token<ReadReleases> = makeToken("ReadReleases");
/** How ids are spelled: N3D if N3D_KEY is set, else plain. */
export const IDS: Token<IdCodec> = makeToken("IdCodec");
/** What groups are called. */
export const GROUPS: Token<GroupProfiles> = makeToken("GroupProfiles");
/** The `fetch` that keeps connections to RongCloud. */
export const KEEP_ALIVE: Token<KeepAliveFetch> = makeToken("KeepAliveFetch");
/** What the gateway took last, for the console. */
export const INBOX: Token<Inbox> = makeToken("Inbox");
/** Who takes messages: RongCloud, or the log. */
export const GATEWAY: Token<MessageGateway> = makeToken("MessageGateway");
/** A question to the gateway that sends nothing. */
export const PROBE_GATEWAY: Token<ProbeGateway> = makeToken("ProbeGateway");
/** The core, tied to all of these. */
export const MISC: Token<Misc> = makeToken("Misc");
/** The secret or key set of session tokens. */
export const TOKEN_OPTIONS: Token<TokenOptions> = makeToken("TokenOptions");
/** Who signs session tokens. */
export const SIGN_TOKEN: Token<SignToken> = makeToken("SignToken");
/** Who is asking. */
export const SESSIONS: Token<Sessions> = makeToken("Sessions");
/** What an operator is warned of. */
export const SESSION_RISKS: Token<SessionRisks> = makeToken("SessionRisks");
/** How many POSTs a user may make. */
export const RATE_LIMIT: Token<RateLimit> = makeToken("RateLimit");
/** How many sessions that do not verify an address may present. */
export const FAILURE_LIMIT: Token<FailureLimit> = makeToken("FailureLimit");
/** The loop that delivers notices: it runs once it is asked for. */
export const RELAY: Token<Relay> = makeToken("Relay");
/** The server, not started. */
export const SERVER: Token<Awaited<ReturnType<typeof makeServer>>> = makeToken("Server");
