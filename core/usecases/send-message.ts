import { isLeft } from "fp-ts/lib/Either.js";
import type * as TE from "fp-ts/lib/TaskEither.js";
import type { GatewayError, GatewayUnavailable } from "../domain/errors.ts";
import { type JsonObject, messageContent } from "../domain/message.ts";
import type { MessageGateway } from "../ports/message-gateway.ts";
import { makeBulkhead } from "./bulkhead.ts";
import {
  type ConversationInput,
  type EntryError,
  type EntryPorts,
  enterConversation,
} from "./enter-conversation.ts";

/** A message that the caller sends, as the caller gave it. */
export interface SendMessageInput extends ConversationInput {
  /** The type of the message, of 1 to 32 characters. */
  readonly objectName: string;
  /** Wrapped as its type wants it: {@link messageContent}. */
  readonly content: string | JsonObject;
  /** What a push notification shows in place of the content. */
  readonly pushContent?: string;
}

const OVERLOADED: GatewayUnavailable = {
  _tag: "GATEWAY_UNAVAILABLE",
  delivery: "none",
  cause: "as many messages are being sent as may be at once",
  retryAfter: 1,
};

/**
 * Sends a message for its caller; success means that the gateway took it. While `maxConcurrentSends`
 * messages are on their way, the next is GATEWAY_UNAVAILABLE at once.
 */
export const sendMessage = (
  ports: EntryPorts & { readonly gateway: MessageGateway },
  { maxConcurrentSends }: { readonly maxConcurrentSends: number },
): ((input: SendMessageInput) => TE.TaskEither<EntryError | GatewayError, void>) => {
  const bounded = makeBulkhead(maxConcurrentSends, OVERLOADED);
  return (input) => async () => {
    const content = messageContent(input.objectName, input.content);
    if (isLeft(content)) {
      return content;
    }
    const entered = await enterConversation(ports)(input)();
    if (isLeft(entered)) {
      return entered;
    }
    return bounded(
      ports.gateway.send({
        ...entered.right.address,
        objectName: input.objectName,
        content: content.right,
        ...(input.pushContent === undefined ? {} : { pushContent: input.pushContent }),
        includeSender: false,
      }),
    )();
  };
};
