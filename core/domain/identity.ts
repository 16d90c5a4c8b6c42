/**
 * Ids: as the service keeps them, and as the wire spells them.
 *
 * @module
 */
import type * as t from "io-ts";
import { guarded } from "./decode.ts";

const ID = /^[A-Za-z0-9_-]{1,64}$/;

/** An id inside the service: 1 to 64 of `A-Za-z0-9_-`. It never leaves without an id codec. */
export type Id = t.Branded<string, { readonly Id: unique symbol }>;

/**
 * Reads an {@link Id}.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { Id } from "sealtalk-misc";
 *
 * assert.equal(Id.is("42"), true);
 * assert.equal(Id.is("4:2"), false);
 * ```
 */
export const Id: t.Type<Id, Id, unknown> = guarded(
  "an id",
  (value): value is Id => typeof value === "string" && ID.test(value),
);

/** The {@link Id} of a user. An `Id` serves as one; a {@link GroupId} does not. */
export type UserId = Id & { readonly of?: "user" };

/** The {@link Id} of a group. An `Id` serves as one; a {@link UserId} does not. */
export type GroupId = Id & { readonly of?: "group" };

/** An id as clients and RongCloud read it: what an id codec makes of an {@link Id}. */
export type WireId = t.Branded<string, { readonly WireId: unique symbol }>;

/**
 * Reads a {@link WireId}: the shape alone. Whether it stands for anyone is the id codec's to say.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { WireId } from "sealtalk-misc";
 *
 * assert.equal(WireId.is("kFpN4KiZn"), true);
 * assert.equal(WireId.is(""), false);
 * ```
 */
export const WireId: t.Type<WireId, WireId, unknown> = guarded(
  "an id",
  (value): value is WireId => typeof value === "string" && ID.test(value),
);
