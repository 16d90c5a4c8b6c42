/**
 * The demo square: the groups and chat rooms that a client shows to whoever looks around.
 *
 * @module
 */
import { pipe } from "fp-ts/lib/function.js";
import * as O from "fp-ts/lib/Option.js";
import * as t from "io-ts";
import { guarded, NonEmptyText } from "./decode.ts";
import { Id, type WireId } from "./identity.ts";

/** A group or a chat room of the demo square. */
export interface DemoPlace {
  /** What clients open: a group they can join, or a chat room. */
  readonly type: "group" | "chatroom";
  /** Its own, not yet spelled for the wire. */
  readonly id: Id;
  /** What a chat room is called, and a group that nobody knows a better name of. */
  readonly name?: string;
}

/** The groups and chat rooms in the order in which they are shown. */
export type DemoSquare = ReadonlyArray<DemoPlace>;

const PlaceType = guarded(
  "group or chatroom",
  (value): value is DemoPlace["type"] => value === "group" || value === "chatroom",
);

/** An id, or the number that it is in the files of an existing deployment. */
const PlaceId: t.Type<Id, Id, unknown> = new t.Type(
  "an id",
  Id.is,
  (value, context) => {
    const text = Number.isSafeInteger(value) ? String(value) : value;
    return Id.is(text) ? t.success(text) : t.failure(value, context);
  },
  t.identity,
);

const Place = t.readonly(
  t.intersection([
    t.type({ type: PlaceType, id: PlaceId }, "an object"),
    t.partial({ name: NonEmptyText }, "an object"),
  ]),
  "a group or a chat room",
);

/**
 * Reads a {@link DemoSquare}: the content of demo_square.json. An id may be written as a number.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { right } from "fp-ts/lib/Either.js";
 * import { DemoSquare } from "sealtalk-misc";
 *
 * assert.deepEqual(
 *   DemoSquare.decode([{ type: "group", id: 7 }]),
 *   right([{ type: "group", id: "7" }]),
 * );
 * ```
 */
export const DemoSquare: t.Type<DemoSquare, unknown, unknown> = t.readonlyArray(
  Place,
  "a list of groups and chat rooms",
);

/** What a client shows of a group. */
export interface GroupProfile {
  /** Shown in place of the name that the file has. */
  readonly name: string;
  /** Empty: the group has no picture. */
  readonly portraitUri: string;
  /** How many are in it. */
  readonly memberCount: number;
  /** How many may be in it. */
  readonly maxMemberCount: number;
}

/** A {@link DemoPlace} as a client is told of it. */
export type DemoSquareItem =
  | ({ readonly type: "group"; readonly id: WireId } & GroupProfile)
  | { readonly type: "chatroom"; readonly id: WireId; readonly name: string };

const UNKNOWN = "Unknown";

/**
 * What a client is told of a place, under its id on the wire. A group has its own name before the
 * one that the place has, and who has none is called `Unknown`.
 */
export const demoSquareItem = (
  { type, name = UNKNOWN }: DemoPlace,
  id: WireId,
  profile: O.Option<GroupProfile>,
): DemoSquareItem =>
  type === "chatroom"
    ? { type, id, name }
    : {
        type,
        id,
        ...pipe(
          profile,
          O.getOrElse(() => ({ name, portraitUri: "", memberCount: 0, maxMemberCount: 0 })),
        ),
      };
