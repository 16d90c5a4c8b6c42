import { isLeft } from "fp-ts/lib/Either.js";
import type * as TE from "fp-ts/lib/TaskEither.js";
import { type NoticeStatus, operationFor, screenCaptureNotice } from "../domain/screen-capture.ts";
import type { Outbox } from "../ports/outbox.ts";
import type { SettingsRepository } from "../ports/settings-repository.ts";
import {
  askConversation,
  type ConversationInput,
  type EntryError,
  type EntryPorts,
  enterConversation,
} from "./enter-conversation.ts";

/** A conversation, and the status that the caller wants it to have. */
export interface SetScreenCaptureInput extends ConversationInput {
  /** 1: screenshots are told of. 0: they are not. */
  readonly noticeStatus: NoticeStatus;
}

/** Reads whether the conversation's users are told of screenshots. */
export const getScreenCapture = (
  ports: EntryPorts & { readonly settings: SettingsRepository },
): ((input: ConversationInput) => TE.TaskEither<EntryError, NoticeStatus>) =>
  askConversation(ports)(ports.settings.noticeStatus);

/** Sets it; success means that the status and the notice of it are stored. */
export const setScreenCapture =
  (ports: EntryPorts & { readonly settings: SettingsRepository }) =>
  (input: SetScreenCaptureInput): TE.TaskEither<EntryError, void> =>
  async () => {
    const entered = await enterConversation(ports)(input)();
    if (isLeft(entered)) {
      return entered;
    }
    const { key, address } = entered.right;
    const notice = screenCaptureNotice(operationFor(input.noticeStatus), address);
    return ports.settings.setNoticeStatus(key, input.noticeStatus, notice)();
  };

/** Tells the conversation that the caller took a screenshot; success means that this is stored. */
export const reportScreenCapture =
  (ports: EntryPorts & { readonly outbox: Outbox }) =>
  (input: ConversationInput): TE.TaskEither<EntryError, void> =>
  async () => {
    const entered = await enterConversation(ports)(input)();
    if (isLeft(entered)) {
      return entered;
    }
    const { key, address } = entered.right;
    return ports.outbox.add(key, screenCaptureNotice("sendScreenNtf", address))();
  };
