/**
 * The core of sealtalk-misc: what the service decides, and the ports through which it asks and
 * acts. It runs wherever JavaScript runs; what it needs of the world comes in through its ports.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { isRight } from "fp-ts/lib/Either.js";
 * import { createMisc } from "sealtalk-misc";
 * import { makeMemoryPorts } from "sealtalk-misc/memory";
 *
 * const misc = createMisc(makeMemoryPorts());
 * assert.ok(isRight(await misc.checkUpdate("1.0.0")()));
 * ```
 *
 * @module
 */

import type { Option } from "fp-ts/lib/Option.js";
import type { Task } from "fp-ts/lib/Task.js";
import type { TaskEither } from "fp-ts/lib/TaskEither.js";
import type { ConversationType } from "./domain/conversation.ts";
import type { Claim } from "./domain/delivery.ts";
import type { DemoSquareItem } from "./domain/demo-square.ts";
import type {
  ClaimLost,
  GatewayError,
  InvalidVersion,
  StoreUnavailable,
  VersionsUnavailable,
} from "./domain/errors.ts";
import type { DesktopRelease, MobileReleases } from "./domain/release.ts";
import type { NoticeStatus } from "./domain/screen-capture.ts";
import type { GroupProfiles } from "./ports/group-profiles.ts";
import type { SettingsRepository } from "./ports/settings-repository.ts";
import type { VersionSource } from "./ports/version-source.ts";
import { checkUpdate } from "./usecases/check-update.ts";
import {
  claimNext,
  type Delivery,
  type DeliveryPorts,
  deliver,
  type NextDelivery,
} from "./usecases/deliver-notices.ts";
import { demoSquare } from "./usecases/demo-square.ts";
import type { ConversationInput, EntryError, EntryPorts } from "./usecases/enter-conversation.ts";
import { mobileVersions } from "./usecases/mobile-versions.ts";
import { readiness, type Unready } from "./usecases/readiness.ts";
import {
  getScreenCapture,
  reportScreenCapture,
  type SetScreenCaptureInput,
  setScreenCapture,
} from "./usecases/screen-capture.ts";
import { type SendMessageInput, sendMessage } from "./usecases/send-message.ts";

export { AppVersion, parseAppVersion } from "./domain/app-version.ts";
export {
  CONVERSATION_TYPES,
  type ConversationKey,
  ConversationType,
  keyOfGroup,
  keyOfPair,
} from "./domain/conversation.ts";
export { decode, decodeAll, guarded, NonEmptyText, Text } from "./domain/decode.ts";
export {
  type Claim,
  DeadLetter,
  type OutboxStatus,
  type Outcome,
  type ReasonCount,
} from "./domain/delivery.ts";
export {
  type DemoPlace,
  DemoSquare,
  type DemoSquareItem,
  type GroupProfile,
} from "./domain/demo-square.ts";
export {
  type ClaimLost,
  type GatewayError,
  type GatewayRejected,
  type GatewayUnavailable,
  type InvalidId,
  type InvalidInput,
  type InvalidVersion,
  invalidInput,
  type MiscError,
  type NotAMember,
  type NotFriends,
  type StoreUnavailable,
  storeUnavailable,
  type Tagged,
  type Unauthenticated,
  type UnsupportedConversationType,
  type VersionsUnavailable,
  versionsUnavailable,
} from "./domain/errors.ts";
export { type GroupId, Id, type UserId, WireId } from "./domain/identity.ts";
export {
  type Address,
  type JsonObject,
  ObjectName,
  OutboundMessage,
} from "./domain/message.ts";
export {
  DesktopRelease,
  type DownloadUrl,
  type MobileRelease,
  MobileReleases,
  type Releases,
  updateFor,
} from "./domain/release.ts";
export {
  type NoticeOperation,
  NoticeStatus,
  screenCaptureNotice,
} from "./domain/screen-capture.ts";
export {
  type DeadLetterRecord,
  type FriendsRecord,
  MAX_BATCH_RECORDS,
  type MemberRecord,
  type NoticeRecord,
  type StatusRecord,
  StoreRecord,
} from "./domain/store-record.ts";
export type { GroupProfiles } from "./ports/group-profiles.ts";
export type { IdCodec } from "./ports/id-codec.ts";
export type { MessageGateway } from "./ports/message-gateway.ts";
export type { Outbox, Stored } from "./ports/outbox.ts";
export type { RelationshipDirectory, Relationships } from "./ports/relationships.ts";
export type { ImportableSettings, SettingsRepository } from "./ports/settings-repository.ts";
export type { StoreTransfer } from "./ports/store-transfer.ts";
export type { VersionSource } from "./ports/version-source.ts";
export type { Delivery, DeliveryPorts, NextDelivery } from "./usecases/deliver-notices.ts";
export type { ConversationInput, EntryError, EntryPorts } from "./usecases/enter-conversation.ts";
export type { Unready } from "./usecases/readiness.ts";
export type { SetScreenCaptureInput } from "./usecases/screen-capture.ts";
export type { SendMessageInput } from "./usecases/send-message.ts";

/** Everything that the core asks of the world. */
export interface Ports extends EntryPorts, DeliveryPorts {
  /** Where releases come from. */
  readonly versions: VersionSource;
  /** Where statuses are kept: the store of the outbox. */
  readonly settings: SettingsRepository;
  /** What groups are called. */
  readonly groups: GroupProfiles;
}

/** How much the core does at once. */
export interface Limits {
  /** How many messages are handed to the gateway at once for callers; notices do not count. */
  readonly maxConcurrentSends?: number;
}

/** The use cases, tied to their ports. Nothing runs until the task that one answers is called. */
export interface Misc {
  /** The desktop release that a client of this version should install, if any. */
  readonly checkUpdate: (
    version: string,
  ) => TaskEither<InvalidVersion | VersionsUnavailable, Option<DesktopRelease>>;
  /** The current builds for both mobile platforms. */
  readonly mobileVersions: () => TaskEither<VersionsUnavailable, MobileReleases>;
  /** The groups and chat rooms of the demo square, in their order. */
  readonly demoSquare: () => TaskEither<
    VersionsUnavailable | StoreUnavailable,
    ReadonlyArray<DemoSquareItem>
  >;
  /**
   * Sends a message for its caller; success means that the gateway took it. While as many as
   * {@link Limits} allow are on their way, the next is `GATEWAY_UNAVAILABLE` at once.
   */
  readonly sendMessage: (input: SendMessageInput) => TaskEither<EntryError | GatewayError, void>;
  /** Whether the conversation's users are told of screenshots. */
  readonly getScreenCapture: (input: ConversationInput) => TaskEither<EntryError, NoticeStatus>;
  /** Sets that; success means that the status and the notice of it are stored. */
  readonly setScreenCapture: (input: SetScreenCaptureInput) => TaskEither<EntryError, void>;
  /** Tells the conversation that the caller took a screenshot; success means that this is stored. */
  readonly reportScreenCapture: (input: ConversationInput) => TaskEither<EntryError, void>;
  /** Claims the notice of this type that has been due longest, if the gateway may take one. */
  readonly claimNext: (type: ConversationType) => TaskEither<StoreUnavailable, NextDelivery>;
  /**
   * Takes a claimed notice to the gateway and settles the claim. `CLAIM_LOST`: it took too long, and
   * somebody else delivers it.
   */
  readonly deliver: (claim: Claim) => TaskEither<StoreUnavailable | ClaimLost, Delivery>;
  /** Asks every part that can fail whether it can work; an empty answer means that all can. */
  readonly readiness: () => Task<ReadonlyArray<Unready>>;
}

/**
 * Ties the use cases to their ports.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { isRight } from "fp-ts/lib/Either.js";
 * import { createMisc } from "sealtalk-misc";
 * import { makeMemoryPorts } from "sealtalk-misc/memory";
 *
 * const { mobileVersions } = createMisc(makeMemoryPorts());
 * assert.ok(isRight(await mobileVersions()()));
 * ```
 */
export const createMisc = (ports: Ports, { maxConcurrentSends = 64 }: Limits = {}): Misc => ({
  checkUpdate: checkUpdate(ports),
  mobileVersions: mobileVersions(ports),
  demoSquare: demoSquare(ports),
  sendMessage: sendMessage(ports, { maxConcurrentSends }),
  getScreenCapture: getScreenCapture(ports),
  setScreenCapture: setScreenCapture(ports),
  reportScreenCapture: reportScreenCapture(ports),
  claimNext: claimNext(ports),
  deliver: deliver(ports),
  readiness: readiness(ports),
});
