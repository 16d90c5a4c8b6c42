import assert from "node:assert/strict";
import * as O from "fp-ts/lib/Option.js";
import {
  type Claim,
  CONVERSATION_TYPES,
  type ConversationType,
  type OutboundMessage,
  type Outbox,
  screenCaptureNotice,
} from "../../core/mod.ts";
import { succeed, wireId } from "./expect.ts";

/** A notice that is told from the others by its sender. */
export const noticeFrom = (
  sender: string,
  conversationType: ConversationType = "GROUP",
): OutboundMessage =>
  screenCaptureNotice("sendScreenNtf", {
    conversationType,
    senderId: wireId(sender),
    targetId: wireId("g"),
  });

/** The senders of some notices, in their order. */
export const senders = (
  notices: ReadonlyArray<{ readonly notice: OutboundMessage }>,
): ReadonlyArray<string> => notices.map(({ notice }) => notice.senderId);

/** Claims the group notice that is due at `now`, and fails if there is none. */
export const claim = async (
  outbox: Outbox,
  now: number,
  leaseUntil: number = now + 1_000,
): Promise<Claim> => {
  const claimed = await succeed(outbox.claim("GROUP", now, leaseUntil));
  assert.ok(O.isSome(claimed), `nothing to claim at ${now}`);
  return claimed.value;
};

/** Fails if a group notice is due at `now`. */
export const assertNothingDue = async (outbox: Outbox, now: number): Promise<void> => {
  assert.deepEqual(await succeed(outbox.claim("GROUP", now, now + 1_000)), O.none);
};

/** A clock that stands still until it is set; milliseconds. */
export interface Clock {
  readonly now: () => number;
  readonly set: (at: number) => void;
}

/**
 * Makes a {@link Clock} that stands at `at`.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { makeClock } from "sealtalk-misc/contract";
 *
 * const clock = makeClock();
 * clock.set(70);
 * assert.equal(clock.now(), 70);
 * ```
 */
export const makeClock = (at = 0): Clock => {
  let time = at;
  return {
    now: () => time,
    set: (next) => {
      assert.ok(next >= time, "a clock does not run back");
      time = next;
    },
  };
};

/** The last millisecond that a Date can hold: whatever waits is due by then. */
const END_OF_TIME = 8.64e15;

/** Claims and delivers until nothing is due at `now`; gives each type's claims in their order. */
export const drain = async (
  outbox: Outbox,
  now: number = END_OF_TIME,
): Promise<ReadonlyArray<Claim>> => {
  const claims: Claim[] = [];
  for (const type of CONVERSATION_TYPES) {
    let claimed = await succeed(outbox.claim(type, now, now + 1_000));
    while (O.isSome(claimed)) {
      claims.push(claimed.value);
      await succeed(outbox.settle(claimed.value, { _tag: "DELIVERED" }));
      claimed = await succeed(outbox.claim(type, now, now + 1_000));
    }
  }
  return claims;
};
