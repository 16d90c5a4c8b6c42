import assert from "node:assert/strict";
import * as O from "fp-ts/lib/Option.js";
import type { Claim } from "../../core/domain/delivery.ts";
import type { Outbox } from "../../core/ports/outbox.ts";
import { fail, succeed } from "../support/expect.ts";
import type { Contract } from "./contract.ts";
import { type Clock, drain, noticeFrom, senders } from "./fixtures.ts";

/** An outbox, and the clock that its store goes by; it stands at 0. */
export interface OutboxSubject {
  readonly outbox: Outbox;
  readonly clock: Clock;
}

const claim = async (outbox: Outbox, now: number, leaseUntil = now + 1_000): Promise<Claim> => {
  const claimed = await succeed(outbox.claim(now, leaseUntil));
  assert.ok(O.isSome(claimed), `nothing to claim at ${now}`);
  return claimed.value;
};

const assertNothingDue = async (outbox: Outbox, now: number): Promise<void> => {
  assert.deepEqual(await succeed(outbox.claim(now, now + 1_000)), O.none);
};

const DELIVERED = { _tag: "DELIVERED" } as const;

/** The sentences of core/ports/outbox.ts. */
export const outboxContract: Contract<OutboxSubject> = [
  {
    title: "claim() finds nothing in an empty outbox",
    run: ({ outbox }) => assertNothingDue(outbox, 10),
  },
  {
    title: "claim() gives a notice as it was added",
    run: async ({ outbox }) => {
      const notice = { ...noticeFrom("a"), pushContent: "推送" };
      await succeed(outbox.add("group:1", notice));
      const { conversation, attempts, notice: claimed } = await claim(outbox, 0);
      assert.deepEqual(
        { conversation, attempts, notice: claimed },
        { conversation: "group:1", attempts: 0, notice },
      );
    },
  },
  {
    title: "claim() gives a conversation's notices in the order in which they were added",
    run: async ({ outbox }) => {
      const names = Array.from({ length: 12 }, (_, index) => `user${index}`);
      for (const name of names) {
        await succeed(outbox.add("group:1", noticeFrom(name)));
      }
      assert.deepEqual(senders(await drain(outbox)), names);
    },
  },
  {
    title: "claim() withholds what lies behind a claimed notice until that is settled",
    run: async ({ outbox }) => {
      await succeed(outbox.add("group:1", noticeFrom("a")));
      await succeed(outbox.add("group:1", noticeFrom("b")));
      const first = await claim(outbox, 0);
      await assertNothingDue(outbox, 0);
      await succeed(outbox.settle(first, DELIVERED));
      assert.equal((await claim(outbox, 0)).notice.senderId, "b");
    },
  },
  {
    title: "claim() never gives one notice to two who ask together",
    run: async ({ outbox }) => {
      await succeed(outbox.add("group:1", noticeFrom("a")));
      await succeed(outbox.add("group:2", noticeFrom("b")));
      const claims = await Promise.all(
        Array.from({ length: 8 }, () => succeed(outbox.claim(0, 1_000))),
      );
      const got = claims.flatMap(
        O.match(
          () => [],
          ({ notice }) => [notice.senderId],
        ),
      );
      assert.deepEqual([...got].sort(), ["a", "b"]);
    },
  },
  {
    title: "claim() takes the conversation first that has been due longest",
    run: async ({ outbox, clock }) => {
      for (const name of ["c", "a", "b"]) {
        await succeed(outbox.add(`group:${name}`, noticeFrom(name)));
        clock.set(clock.now() + 1);
      }
      assert.deepEqual(senders(await drain(outbox, 10)), ["c", "a", "b"]);
    },
  },
  {
    title: "claim() lets the others have their turn before a busy conversation's next",
    run: async ({ outbox, clock }) => {
      await succeed(outbox.add("group:busy", noticeFrom("busy1")));
      await succeed(outbox.add("group:busy", noticeFrom("busy2")));
      clock.set(1);
      await succeed(outbox.add("group:quiet", noticeFrom("quiet")));
      const first = await claim(outbox, 2);
      clock.set(2);
      await succeed(outbox.settle(first, DELIVERED));
      assert.deepEqual(
        [first.notice.senderId, ...senders(await drain(outbox, 3))],
        ["busy1", "quiet", "busy2"],
      );
    },
  },
  {
    title: "claim() gives a notice again when its lease has run out, with a higher token",
    run: async ({ outbox }) => {
      await succeed(outbox.add("group:1", noticeFrom("a")));
      const first = await claim(outbox, 0, 500);
      await assertNothingDue(outbox, 499);
      const second = await claim(outbox, 500);
      assert.equal(second.notice.senderId, "a");
      assert.ok(second.token > first.token);
    },
  },
  {
    title: "settle() answers CLAIM_LOST to who lost a claim, and changes nothing",
    run: async ({ outbox }) => {
      await succeed(outbox.add("group:1", noticeFrom("a")));
      const lost = await claim(outbox, 0, 500);
      const held = await claim(outbox, 500, 1_500);
      for (const outcome of [DELIVERED, { _tag: "BURIED", reason: "x" } as const]) {
        assert.deepEqual(await fail(outbox.settle(lost, outcome)), { _tag: "CLAIM_LOST" });
      }
      await assertNothingDue(outbox, 1_499);
      await succeed(outbox.settle(held, DELIVERED));
      await assertNothingDue(outbox, 10_000);
      assert.deepEqual(await succeed(outbox.buried()), []);
    },
  },
  {
    title: "settle() answers CLAIM_LOST for a queue that was emptied and filled again",
    run: async ({ outbox }) => {
      await succeed(outbox.add("group:1", noticeFrom("a")));
      const lost = await claim(outbox, 0, 500);
      await succeed(outbox.settle(await claim(outbox, 500), DELIVERED));
      await succeed(outbox.add("group:1", noticeFrom("b")));
      assert.deepEqual(await fail(outbox.settle(lost, DELIVERED)), { _tag: "CLAIM_LOST" });
      const next = await claim(outbox, 600);
      assert.deepEqual(await fail(outbox.settle(lost, DELIVERED)), { _tag: "CLAIM_LOST" });
      assert.equal(next.notice.senderId, "b");
    },
  },
  {
    title: "settle() forgets a delivered notice",
    run: async ({ outbox }) => {
      await succeed(outbox.add("group:1", noticeFrom("a")));
      await succeed(outbox.settle(await claim(outbox, 0), DELIVERED));
      await assertNothingDue(outbox, Number.MAX_SAFE_INTEGER);
    },
  },
  {
    title: "settle() has a postponed notice due at its time, first in its queue, attempts counted",
    run: async ({ outbox }) => {
      await succeed(outbox.add("group:1", noticeFrom("a")));
      await succeed(outbox.add("group:1", noticeFrom("b")));
      const postponed = { _tag: "POSTPONED", until: 700, reason: "x" } as const;
      await succeed(outbox.settle(await claim(outbox, 0), postponed));
      await assertNothingDue(outbox, 699);
      const again = await claim(outbox, 700);
      assert.deepEqual([again.notice.senderId, again.attempts], ["a", 1]);
    },
  },
  {
    title: "settle() lets other conversations pass a postponed one",
    run: async ({ outbox }) => {
      await succeed(outbox.add("group:1", noticeFrom("a")));
      await succeed(outbox.add("group:2", noticeFrom("b")));
      const first = await claim(outbox, 0);
      await succeed(outbox.settle(first, { _tag: "POSTPONED", until: 10_000, reason: "x" }));
      const second = await claim(outbox, 0);
      assert.notEqual(second.conversation, first.conversation);
    },
  },
  {
    title: "settle() keeps a buried notice aside with its reason, and the next comes up",
    run: async ({ outbox }) => {
      await succeed(outbox.add("group:1", noticeFrom("a")));
      await succeed(outbox.add("group:1", noticeFrom("b")));
      await succeed(outbox.settle(await claim(outbox, 0), { _tag: "BURIED", reason: "why" }));
      assert.deepEqual(await succeed(outbox.buried()), [
        { conversation: "group:1", notice: noticeFrom("a"), reason: "why" },
      ]);
      assert.equal((await claim(outbox, 0)).notice.senderId, "b");
    },
  },
  {
    title: "subscribe() calls its listener for each notice until it is ended",
    run: async ({ outbox }) => {
      let calls = 0;
      const end = await succeed(
        outbox.subscribe(() => {
          calls += 1;
        }),
      );
      await succeed(outbox.add("group:1", noticeFrom("a")));
      await succeed(outbox.add("group:1", noticeFrom("b")));
      assert.equal(calls, 2);
      end();
      await succeed(outbox.add("group:1", noticeFrom("c")));
      assert.equal(calls, 2);
    },
  },
];
