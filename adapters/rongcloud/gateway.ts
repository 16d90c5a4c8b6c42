import * as E from "fp-ts/lib/Either.js";
import { pipe } from "fp-ts/lib/function.js";
import * as TE from "fp-ts/lib/TaskEither.js";
import type {
  ConversationType,
  GatewayError,
  MessageGateway,
  OutboundMessage,
} from "../../core/mod.ts";
import { type Breaker, type BreakerRule, CLOSED, failed, openFor } from "./breaker.ts";
import { OPERATOR, type Verdict } from "./classify.ts";
import {
  type Form,
  makeClient,
  type NotAsked,
  type Path,
  type RongCloudOptions,
} from "./client.ts";

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
// show that it is again: a failure counts for this long. What the operator must cure is tried once a
// minute while notices wait, and counts until the next time.
const FAILURE_COUNTS_MS = 30_000;
const REFUSAL_COUNTS_MS = 90_000;

// While RongCloud takes nothing from the application, the outbox need not offer it every notice.
const REFUSAL_RULE: BreakerRule = { threshold: 5, firstPause: 60_000, longestPause: 60_000 };

/**
 * Sends messages through RongCloud's server API. Each attempt is signed anew; one call answers
 * within `callMs`, and repeats by itself only what was certainly not delivered, or what RongCloud knows for a repeat.
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
  const { clock = () => performance.now() } = options;
  const { call, pause } = makeClient(options);
  let lastFailure: { readonly error: GatewayError; readonly until: number } | undefined;
  let refusals: Breaker = CLOSED;

  const heed = (outcome: E.Either<GatewayError, void>): void => {
    const error = E.isLeft(outcome) && speaksOfTheGateway(outcome.left) ? outcome.left : undefined;
    const refused = error?._tag === "GATEWAY_REJECTED";
    const counts = refused ? REFUSAL_COUNTS_MS : FAILURE_COUNTS_MS;
    lastFailure = error === undefined ? undefined : { error, until: clock() + counts };
    refusals = refused ? failed(REFUSAL_RULE, refusals, clock()) : CLOSED;
  };

  return {
    send: (message) => async () => {
      const verdict = await call(pathFor(message.conversationType), formOf(message));
      const outcome = outcomeOf(verdict);
      // What was not asked tells nothing of the gateway.
      if (verdict._tag !== "NOT_ASKED") {
        heed(outcome);
      }
      return outcome;
    },
    pause: (type) => () => Math.max(pause(pathFor(type)), openFor(REFUSAL_RULE, refusals, clock())),
    ready: () =>
      TE.fromIOEither(() =>
        lastFailure !== undefined && clock() < lastFailure.until
          ? E.left(lastFailure.error)
          : E.right(undefined),
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
    () => makeClient(options).call("/group/user/query.json", { groupId: "sealtalk-misc-probe" }),
    TE.fromTask,
    TE.chainEitherK(outcomeOf),
    TE.orElse((error) =>
      speaksOfTheGateway(error) ? TE.left(error) : TE.right<GatewayError, void>(undefined),
    ),
  );

// RongCloud's own codes, and the statuses by which a proxy asks for credentials. Another refusal may
// be about the one message, and no caller's message is to hold up everybody's.
const OF_THE_APPLICATION: ReadonlySet<number> = new Set([...OPERATOR, 401, 407]);

/** Whether the error would meet any other message too. */
const speaksOfTheGateway = (error: GatewayError): boolean =>
  error._tag === "GATEWAY_UNAVAILABLE" || OF_THE_APPLICATION.has(error.gatewayCode);

const outcomeOf = (verdict: Verdict | NotAsked): E.Either<GatewayError, void> => {
  switch (verdict._tag) {
    case "DELIVERED":
      return E.right(undefined);
    case "REJECTED":
      return E.left({ ...verdict, _tag: "GATEWAY_REJECTED" });
    case "AMBIGUOUS":
      return E.left({ _tag: "GATEWAY_UNAVAILABLE", delivery: "unknown", cause: verdict.cause });
    case "AGAIN": {
      const { cause, retryAfter } = verdict;
      return E.left({
        _tag: "GATEWAY_UNAVAILABLE",
        delivery: "none",
        cause,
        ...(retryAfter === undefined ? {} : { retryAfter }),
      });
    }
    case "NOT_ASKED": {
      const { cause, ms } = verdict;
      const retryAfter = Math.max(1, Math.ceil(ms / 1_000));
      return E.left({ _tag: "GATEWAY_UNAVAILABLE", delivery: "none", cause, retryAfter });
    }
  }
};

const pathFor = (type: ConversationType): Path =>
  type === "PRIVATE" ? "/message/private/publish.json" : "/message/group/publish.json";

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
