import { pipe } from "fp-ts/lib/function.js";
import * as TE from "fp-ts/lib/TaskEither.js";
import type { GatewayError } from "../domain/delivery.ts";
import { type JsonObject, messageContent } from "../domain/message.ts";
import type { MessageGateway } from "../ports/message-gateway.ts";
import {
  type ConversationInput,
  type EntryError,
  type EntryPorts,
  enterConversation,
} from "./enter-conversation.ts";

/** A message that the caller sends, as the caller gave it. */
export interface SendMessageInput extends ConversationInput {
  readonly objectName: string;
  readonly content: string | JsonObject;
  readonly pushContent?: string;
}

/** Sends a message for its caller; success means that the gateway took it. */
export const sendMessage =
  (ports: EntryPorts & { readonly gateway: MessageGateway }) =>
  (input: SendMessageInput): TE.TaskEither<EntryError | GatewayError, void> =>
    pipe(
      TE.fromEither(messageContent(input.objectName, input.content)),
      TE.bindTo("content"),
      TE.bindW("entered", () => enterConversation(ports)(input)),
      TE.chainW(({ content, entered }) =>
        ports.gateway.send({
          ...entered.address,
          objectName: input.objectName,
          content,
          ...(input.pushContent === undefined ? {} : { pushContent: input.pushContent }),
          includeSender: false,
        }),
      ),
    );
