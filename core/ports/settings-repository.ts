import type { TaskEither } from "fp-ts/lib/TaskEither.js";
import type { ConversationKey } from "../domain/conversation.ts";
import type { StoreUnavailable } from "../domain/errors.ts";
import type { OutboundMessage } from "../domain/message.ts";
import type { NoticeStatus } from "../domain/screen-capture.ts";

/** Keeps one notice status a conversation, and hands each change's notice to the outbox. */
export interface SettingsRepository {
  /**
   * - A conversation that was never set has status 0.
   * - The last acknowledged status overwrites the ones before it and is read by everyone.
   */
  readonly noticeStatus: (
    conversation: ConversationKey,
  ) => TaskEither<StoreUnavailable, NoticeStatus>;

  /**
   * - Stores the status and appends the notice to the {@link Outbox} of the same store as one: both
   *   are kept or neither. It is acknowledged once they outlive the process.
   * - Setting the status that is already there is a set like any other, with its notice.
   * - `STORE_UNAVAILABLE`: it may have been kept, but then status and notice were.
   */
  readonly setNoticeStatus: (
    conversation: ConversationKey,
    status: NoticeStatus,
    notice: OutboundMessage,
  ) => TaskEither<StoreUnavailable, void>;

  /** Succeeds if the store can read and write now. */
  readonly ready: () => TaskEither<StoreUnavailable, void>;
}

/** A repository that takes over what an earlier service kept. */
export interface ImportableSettings extends SettingsRepository {
  /**
   * - An imported status is what a conversation has that was never set here, before the import or
   *   since. It makes no notice.
   * - Of two imports of a conversation the later one counts. After a fault a call may be kept in
   *   part, and made again it is kept whole.
   */
  readonly importStatuses: (
    statuses: ReadonlyArray<readonly [ConversationKey, NoticeStatus]>,
  ) => TaskEither<StoreUnavailable, void>;
}
