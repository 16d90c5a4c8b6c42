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

import type { GroupProfiles } from "./ports/group-profiles.ts";
import type { SettingsRepository } from "./ports/settings-repository.ts";
import type { VersionSource } from "./ports/version-source.ts";
import { checkUpdate } from "./usecases/check-update.ts";
import { claimNext, type DeliveryPorts, deliver } from "./usecases/deliver-notices.ts";
import { demoSquare } from "./usecases/demo-square.ts";
import type { EntryPorts } from "./usecases/enter-conversation.ts";
import { mobileVersions } from "./usecases/mobile-versions.ts";
import { readiness } from "./usecases/readiness.ts";
import {
  getScreenCapture,
  reportScreenCapture,
  setScreenCapture,
} from "./usecases/screen-capture.ts";
import { sendMessage } from "./usecases/send-message.ts";

export { AppVersion, AppVersionOrd, isUpdate, parseAppVersion } from "./domain/app-version.ts";
export {
  CONVERSATION_TYPES,
  type Conversation,
  type ConversationKey,
  type ConversationType,
  conversationKey,
  conversationType,
  conversationWith,
} from "./domain/conversation.ts";
export { decode, decodeAll, guarded, NonEmptyText, Text } from "./domain/decode.ts";
export {
  afterFailure,
  type Claim,
  type DeadLetter,
  type GatewayError,
  LEASE_MS,
  mayStillSend,
  type OutboxStatus,
  type Outcome,
  type ReasonCount,
} from "./domain/delivery.ts";
export {
  type DemoPlace,
  DemoSquare,
  type DemoSquareItem,
  demoSquareItem,
  type GroupProfile,
} from "./domain/demo-square.ts";
export {
  type ClaimLost,
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
  type Unauthenticated,
  type UnsupportedConversationType,
  type VersionsUnavailable,
  versionsUnavailable,
} from "./domain/errors.ts";
export { type GroupId, Id, type UserId, WireId } from "./domain/identity.ts";
export {
  type Address,
  type JsonObject,
  messageContent,
  ObjectName,
  OutboundMessage,
} from "./domain/message.ts";
export {
  DesktopRelease,
  DownloadUrl,
  type MobileRelease,
  MobileReleases,
  type Releases,
  updateFor,
} from "./domain/release.ts";
export {
  type NoticeOperation,
  NoticeStatus,
  operationFor,
  screenCaptureNotice,
} from "./domain/screen-capture.ts";
export type { GroupProfiles } from "./ports/group-profiles.ts";
export type { IdCodec } from "./ports/id-codec.ts";
export type { MessageGateway } from "./ports/message-gateway.ts";
export type { Outbox } from "./ports/outbox.ts";
export type { RelationshipDirectory, Relationships } from "./ports/relationships.ts";
export type { ImportableSettings, SettingsRepository } from "./ports/settings-repository.ts";
export type { VersionSource } from "./ports/version-source.ts";
export type { Delivery, DeliveryPorts, NextDelivery } from "./usecases/deliver-notices.ts";
export type { ConversationInput, EntryError, EntryPorts } from "./usecases/enter-conversation.ts";
export type { Unready } from "./usecases/readiness.ts";
export type { SetScreenCaptureInput } from "./usecases/screen-capture.ts";
export type { SendMessageInput } from "./usecases/send-message.ts";

/** Everything that the core asks of the world. */
export interface Ports extends EntryPorts, DeliveryPorts {
  readonly versions: VersionSource;
  readonly settings: SettingsRepository;
  readonly groups: GroupProfiles;
}

/** How much the core does at once. */
export interface Limits {
  /** How many messages are handed to the gateway at once for callers; notices do not count. */
  readonly maxConcurrentSends?: number;
}

/** The use cases, tied to their ports. Nothing runs until the task that one answers is called. */
export interface Misc {
  readonly checkUpdate: ReturnType<typeof checkUpdate>;
  readonly mobileVersions: ReturnType<typeof mobileVersions>;
  readonly demoSquare: ReturnType<typeof demoSquare>;
  readonly sendMessage: ReturnType<typeof sendMessage>;
  readonly getScreenCapture: ReturnType<typeof getScreenCapture>;
  readonly setScreenCapture: ReturnType<typeof setScreenCapture>;
  readonly reportScreenCapture: ReturnType<typeof reportScreenCapture>;
  readonly claimNext: ReturnType<typeof claimNext>;
  readonly deliver: ReturnType<typeof deliver>;
  readonly readiness: ReturnType<typeof readiness>;
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
