/**
 * Everything that can go wrong, as data. The tags are the ones that clients read; what HTTP status
 * each has is the HTTP face's affair.
 *
 * @module
 */

/** An error, told from the others by its tag: the one that clients read. */
export interface Tagged<Tag extends string> {
  /** Which error it is. */
  readonly _tag: Tag;
}

/** Not a semantic version of three numeric parts. */
export type InvalidVersion = Tagged<"INVALID_VERSION">;

/** A field that is missing or is not what it must be. */
export interface InvalidInput extends Tagged<"INVALID_INPUT"> {
  /** The field's name, or what stands for it ("body"). */
  readonly field: string;
  /** What it must be, as the end of "expected …". */
  readonly expected: string;
}

/** A text that is no id of this deployment, or an id that it cannot spell. */
export type InvalidId = Tagged<"INVALID_ID">;

/** Nobody is signed in, or the session does not verify. */
export type Unauthenticated = Tagged<"UNAUTHENTICATED">;

/** A private conversation with somebody who is not the caller's friend. */
export type NotFriends = Tagged<"NOT_FRIENDS">;

/** A group that the caller is not in. */
export type NotAMember = Tagged<"NOT_A_MEMBER">;

/** A conversation that is neither private nor a group. */
export type UnsupportedConversationType = Tagged<"UNSUPPORTED_CONVERSATION_TYPE">;

/** The message gateway refused the message. */
export interface GatewayRejected extends Tagged<"GATEWAY_REJECTED"> {
  /** The gateway's own code. */
  readonly gatewayCode: number;
  /** `operator`: the same message is taken once the operator has acted. `none`: it never is. */
  readonly cure: "operator" | "none";
}

/** The message gateway did not take the message, or nobody knows whether it did. */
export interface GatewayUnavailable extends Tagged<"GATEWAY_UNAVAILABLE"> {
  /** `unknown`: the message may have been delivered all the same. */
  readonly delivery: "none" | "unknown";
  /** Why, for the log alone. */
  readonly cause: string;
  /** Seconds that the gateway asked us to wait. */
  readonly retryAfter?: number;
}

/** The store did not do what it was asked, or did not say so in time. */
export interface StoreUnavailable extends Tagged<"STORE_UNAVAILABLE"> {
  /** Why, for the log alone. */
  readonly cause: string;
}

/** There is no valid release to speak of. */
export interface VersionsUnavailable extends Tagged<"VERSIONS_UNAVAILABLE"> {
  /** Why, for the log alone. */
  readonly cause: string;
}

/** A claim on an outbox entry that is no more: it ran out, or is about to, or was settled before. */
export type ClaimLost = Tagged<"CLAIM_LOST">;

/** What a gateway answers instead of taking a message. */
export type GatewayError = GatewayRejected | GatewayUnavailable;

/** Everything that a caller can be answered instead of a result. */
export type MiscError =
  | InvalidVersion
  | InvalidInput
  | Unauthenticated
  | NotFriends
  | NotAMember
  | UnsupportedConversationType
  | GatewayRejected
  | GatewayUnavailable
  | StoreUnavailable
  | VersionsUnavailable;

/**
 * An input that is not what it must be: `expected` ends the sentence "expected …".
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { invalidInput } from "sealtalk-misc";
 *
 * assert.equal(invalidInput("targetId", "an id").field, "targetId");
 * ```
 */
export const invalidInput = (field: string, expected: string): InvalidInput => ({
  _tag: "INVALID_INPUT",
  field,
  expected,
});

/**
 * A store that could not do its part; `cause` is for the log alone.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { storeUnavailable } from "sealtalk-misc";
 *
 * assert.equal(storeUnavailable("disk full")._tag, "STORE_UNAVAILABLE");
 * ```
 */
export const storeUnavailable = (cause: string): StoreUnavailable => ({
  _tag: "STORE_UNAVAILABLE",
  cause,
});

/**
 * A version source with nothing to offer; `cause` is for the log alone.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { versionsUnavailable } from "sealtalk-misc";
 *
 * assert.equal(versionsUnavailable("no desktop.json")._tag, "VERSIONS_UNAVAILABLE");
 * ```
 */
export const versionsUnavailable = (cause: string): VersionsUnavailable => ({
  _tag: "VERSIONS_UNAVAILABLE",
  cause,
});
