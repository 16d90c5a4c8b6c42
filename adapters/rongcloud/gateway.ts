import { pipe } from "fp-ts/lib/function.js";
import * as TE from "fp-ts/lib/TaskEither.js";
import type { GatewayError } from "../../core/domain/delivery.ts";
import type { OutboundMessage } from "../../core/domain/message.ts";
import type { MessageGateway } from "../../core/ports/message-gateway.ts";
import type { Verdict } from "./classify.ts";
import { type Form, makeClient, type RongCloudOptions } from "./client.ts";

/**
 * RongCloud's hosts in Beijing, where an application is unless its operator chose another place.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { BEIJING_HOSTS } from "sealtalk-misc/rongcloud";
 *
 * assert.ok(BEIJING_HOSTS.every((host) => host.startsWith("https://")));
 * ```
 */
export const BEIJING_HOSTS: ReadonlyArray<string> = [
  "https://api.rong-api.com",
  "https://api-b.rong-api.com",
];

// A probe that takes the traffic away from a gateway that is not ready also takes away what would
// show that it is again: a failure counts for this long.
const FAILURE_COUNTS_MS = 30_000;

/**
 * Sends messages through RongCloud's server API. Each attempt is signed anew; one call answers
 * within `callMs`, and repeats by itself only what was certainly not delivered.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { BEIJING_HOSTS, makeRongCloudGateway } from "sealtalk-misc/rongcloud";
 *
 * const gateway = makeRongCloudGateway({
 *   appKey: "key",
 *   appSecret: "secret",
 *   hosts: BEIJING_HOSTS,
 * });
 * assert.equal((await gateway.ready()())._tag, "Right");
 * ```
 */
export const makeRongCloudGateway = (options: RongCloudOptions): MessageGateway => {
  const { now = Date.now } = options;
  const call = makeClient(options);
  let lastFailure: { readonly error: GatewayError; readonly at: number } | undefined;

  const heed = (outcome: TE.TaskEither<GatewayError, void>): typeof outcome =>
    pipe(
      outcome,
      TE.bimap(
        (error) => {
          lastFailure = speaksOfTheGateway(error) ? { error, at: now() } : undefined;
          return error;
        },
        () => {
          lastFailure = undefined;
        },
      ),
    );

  return {
    send: (message) =>
      heed(pipe(() => call(pathFor(message), formOf(message)), TE.fromTask, TE.chain(outcomeOf))),
    ready: () =>
      TE.fromIOEither(() =>
        lastFailure !== undefined && now() - lastFailure.at < FAILURE_COUNTS_MS
          ? { _tag: "Left", left: lastFailure.error }
          : { _tag: "Right", right: undefined },
      ),
  };
};

/**
 * Asks RongCloud something that changes nothing (who is in a group), to see whether it answers and
 * knows the keys.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { probeRongCloud } from "sealtalk-misc/rongcloud";
 *
 * const nowhere = { appKey: "key", appSecret: "secret", hosts: ["http://127.0.0.1:1"] };
 * assert.equal((await probeRongCloud(nowhere)())._tag, "Left");
 * ```
 */
export const probeRongCloud = (options: RongCloudOptions): TE.TaskEither<GatewayError, void> =>
  pipe(
    () => makeClient(options)("/group/user/query.json", { groupId: "sealtalk-misc-probe" }),
    TE.fromTask,
    TE.chain(outcomeOf),
    TE.orElse((error) =>
      speaksOfTheGateway(error) ? TE.left(error) : TE.right<GatewayError, void>(undefined),
    ),
  );

/** Whether the error would meet any other message too. */
const speaksOfTheGateway = (error: GatewayError): boolean =>
  error._tag === "GATEWAY_UNAVAILABLE" || error.cure === "operator";

const outcomeOf = (verdict: Verdict): TE.TaskEither<GatewayError, void> => {
  switch (verdict._tag) {
    case "DELIVERED":
      return TE.right(undefined);
    case "REJECTED":
      return TE.left({ ...verdict, _tag: "GATEWAY_REJECTED" });
    case "AMBIGUOUS":
      return TE.left({ _tag: "GATEWAY_UNAVAILABLE", delivery: "unknown", cause: verdict.cause });
    case "AGAIN": {
      const { cause, retryAfter } = verdict;
      return TE.left({
        _tag: "GATEWAY_UNAVAILABLE",
        delivery: "none",
        cause,
        ...(retryAfter === undefined ? {} : { retryAfter }),
      });
    }
  }
};

const pathFor = ({ conversationType }: OutboundMessage): string =>
  conversationType === "PRIVATE" ? "/message/private/publish.json" : "/message/group/publish.json";

const formOf = (message: OutboundMessage): Form => ({
  fromUserId: message.senderId,
  ...(message.conversationType === "PRIVATE"
    ? { toUserId: message.targetId }
    : { toGroupId: message.targetId, isMentioned: "0" }),
  objectName: message.objectName,
  content: message.content,
  ...(message.pushContent === undefined ? {} : { pushContent: message.pushContent }),
  isIncludeSender: message.includeSender ? "1" : "0",
});
