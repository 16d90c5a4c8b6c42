import assert from "node:assert/strict";
import * as O from "fp-ts/lib/Option.js";
import type { Outbox, OutboxStatus, Outcome } from "../../core/mod.ts";
import type { Contract } from "./contract.ts";
import { fail, succeed } from "./expect.ts";
import { assertNothingDue, type Clock, claim, drain, noticeFrom, senders } from "./fixtures.ts";

/** An outbox, and the clock that its store goes by; it stands at 0. */
export interface OutboxSubject {
  readonly outbox: Outbox;
  readonly clock: Clock;
}

const DELIVERED = { _tag: "DELIVERED" } as const;

const postponed = (until: number, reason = "x"): Outcome => ({ _tag: "POSTPONED", until, reason });

const die = async (outbox: Outbox, conversation: string, name: string, now = 0): Promise<void> => {
  await succeed(outbox.add(conversation, noticeFrom(name)));
  await succeed(outbox.settle(await claim(outbox, now), { _tag: "DEAD", reason: "why" }));
};

const EMPTY: OutboxStatus = { pending: 0, oldest: O.none, inFlight: 0, dead: 0, reasons: [] };

/** The status, its reasons in an order that the port does not promise. */
const statusOf = async (outbox: Outbox, now: number): Promise<OutboxStatus> => {
  const status = await succeed(outbox.status(now));
  return {
    ...status,
    reasons: [...status.reasons].sort((a, b) => b.state.localeCompare(a.state)),
  };
};

/**
 * The sentences of {@link Outbox}.
 *
 * @example
 * ```ts
 * import { makeClock, outboxContract } from "sealtalk-misc/contract";
 * import { makeMemoryStore } from "sealtalk-misc/memory";
 *
 * for (const { run } of outboxContract) {
 *   const clock = makeClock();
 *   await run({ outbox: makeMemoryStore({ now: clock.now }).outbox, clock });
 * }
 * ```
 */
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
    title: "claim() says when the notice was stored and how long the lease lasts",
    run: async ({ outbox, clock }) => {
      clock.set(70);
      await succeed(outbox.add("group:1", noticeFrom("a")));
      const { storedAt, leaseUntil } = await claim(outbox, 90, 100);
      assert.deepEqual({ storedAt, leaseUntil }, { storedAt: 70, leaseUntil: 100 });
    },
  },
  {
    title: "claim() gives notices of the type that is asked for, and no other",
    run: async ({ outbox }) => {
      await succeed(outbox.add("private:a:b", noticeFrom("a", "PRIVATE")));
      await assertNothingDue(outbox, 0);
      await succeed(outbox.add("group:1", noticeFrom("b")));
      assert.equal((await claim(outbox, 0)).notice.senderId, "b");
      await assertNothingDue(outbox, 0);
      const claimed = await succeed(outbox.claim("PRIVATE", 0, 1_000));
      assert.ok(O.isSome(claimed));
      assert.equal(claimed.value.notice.senderId, "a");
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
        Array.from({ length: 8 }, () => succeed(outbox.claim("GROUP", 0, 1_000))),
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
      for (const outcome of [DELIVERED, postponed(0), { _tag: "DEAD", reason: "x" } as const]) {
        assert.deepEqual(await fail(outbox.settle(lost, outcome)), { _tag: "CLAIM_LOST" });
      }
      await assertNothingDue(outbox, 1_499);
      await succeed(outbox.settle(held, DELIVERED));
      await assertNothingDue(outbox, 10_000);
      assert.deepEqual(await succeed(outbox.deadLetters()), []);
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
    title: "settle() answers CLAIM_LOST for a claim that it has settled",
    run: async ({ outbox }) => {
      await succeed(outbox.add("group:1", noticeFrom("a")));
      await succeed(outbox.add("group:1", noticeFrom("b")));
      const settled = await claim(outbox, 0);
      await succeed(outbox.settle(settled, DELIVERED));
      for (const outcome of [DELIVERED, postponed(9_000)]) {
        assert.deepEqual(await fail(outbox.settle(settled, outcome)), { _tag: "CLAIM_LOST" });
      }
      assert.deepEqual(senders(await drain(outbox, 0)), ["b"]);
    },
  },
  {
    title: "settle() ends a claim whose lease ran out while nobody else has claimed it",
    run: async ({ outbox }) => {
      await succeed(outbox.add("group:1", noticeFrom("a")));
      await succeed(outbox.settle(await claim(outbox, 0, 500), DELIVERED));
      await assertNothingDue(outbox, 10_000);
    },
  },
  {
    title: "settle() has what lay behind a dead notice wait its turn",
    run: async ({ outbox, clock }) => {
      await succeed(outbox.add("group:1", noticeFrom("dead")));
      await succeed(outbox.add("group:1", noticeFrom("next")));
      clock.set(1);
      await succeed(outbox.add("group:2", noticeFrom("quiet")));
      const first = await claim(outbox, 2);
      clock.set(2);
      await succeed(outbox.settle(first, { _tag: "DEAD", reason: "why" }));
      assert.deepEqual(senders(await drain(outbox, 3)), ["quiet", "next"]);
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
      await succeed(outbox.settle(await claim(outbox, 0), postponed(700)));
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
      await succeed(outbox.settle(first, postponed(10_000)));
      const second = await claim(outbox, 0);
      assert.notEqual(second.conversation, first.conversation);
    },
  },
  {
    title: "settle() keeps a postponed notice's age",
    run: async ({ outbox, clock }) => {
      clock.set(100);
      await succeed(outbox.add("group:1", noticeFrom("a")));
      clock.set(200);
      await succeed(outbox.settle(await claim(outbox, 200), postponed(300)));
      assert.equal((await claim(outbox, 300)).storedAt, 100);
    },
  },
  {
    title: "settle() keeps a dead notice aside with its reason, and the next comes up",
    run: async ({ outbox, clock }) => {
      await succeed(outbox.add("group:1", noticeFrom("a")));
      await succeed(outbox.add("group:1", noticeFrom("b")));
      await succeed(outbox.settle(await claim(outbox, 0), postponed(0)));
      clock.set(50);
      await succeed(outbox.settle(await claim(outbox, 50), { _tag: "DEAD", reason: "why" }));
      assert.deepEqual(await succeed(outbox.deadLetters()), [
        {
          conversation: "group:1",
          notice: noticeFrom("a"),
          reason: "why",
          attempts: 2,
          storedAt: 0,
          diedAt: 50,
        },
      ]);
      assert.equal((await claim(outbox, 50)).notice.senderId, "b");
    },
  },
  {
    title: "deadLetters() lists the longest dead first",
    run: async ({ outbox, clock }) => {
      const names = Array.from({ length: 12 }, (_, index) => `user${index}`);
      for (const [at, name] of names.entries()) {
        clock.set(at);
        await die(outbox, `group:${name}`, name, at);
      }
      assert.deepEqual(senders(await succeed(outbox.deadLetters())), names);
    },
  },
  {
    title: "status() of an empty outbox is all nothing",
    run: async ({ outbox }) => {
      assert.deepEqual(await succeed(outbox.status(0)), EMPTY);
    },
  },
  {
    title: "status() counts what waits, what is on its way and what is dead, by reason",
    run: async ({ outbox, clock }) => {
      await die(outbox, "group:1", "dead");
      clock.set(100);
      await succeed(outbox.add("group:1", noticeFrom("a")));
      clock.set(200);
      await succeed(outbox.add("group:1", noticeFrom("behind")));
      await succeed(outbox.add("group:2", noticeFrom("b")));
      await succeed(outbox.settle(await claim(outbox, 200), postponed(9_000, "away")));
      await claim(outbox, 200, 1_000);
      const status = {
        pending: 3,
        oldest: O.some(100),
        inFlight: 1,
        dead: 1,
        reasons: [
          { state: "postponed", reason: "away", count: 1 },
          { state: "dead", reason: "why", count: 1 },
        ],
      };
      assert.deepEqual(await statusOf(outbox, 200), status);
      assert.deepEqual(await statusOf(outbox, 1_000), { ...status, inFlight: 0 });
    },
  },
  {
    title: "status() knows of nothing any more once all is delivered",
    run: async ({ outbox }) => {
      await succeed(outbox.add("group:1", noticeFrom("a")));
      await succeed(outbox.add("group:1", noticeFrom("b")));
      await succeed(outbox.settle(await claim(outbox, 0), postponed(10, "away")));
      await succeed(outbox.settle(await claim(outbox, 10), postponed(20, "away")));
      await succeed(outbox.settle(await claim(outbox, 20), postponed(30, "refused")));
      assert.deepEqual((await succeed(outbox.status(20))).reasons, [
        { state: "postponed", reason: "refused", count: 1 },
      ]);
      await drain(outbox);
      assert.deepEqual(await succeed(outbox.status(100)), EMPTY);
    },
  },
  {
    title: "retry() makes postponed notices due, however many, and leaves claimed ones alone",
    run: async ({ outbox }) => {
      await succeed(outbox.add("group:held", noticeFrom("held")));
      await claim(outbox, 0, 9_000);
      const names = Array.from({ length: 600 }, (_, index) => `user${index}`);
      await Promise.all(
        names.map((name) => succeed(outbox.add(`group:${name}`, noticeFrom(name)))),
      );
      for (const _ of names) {
        await succeed(outbox.settle(await claim(outbox, 0), postponed(5_000)));
      }
      await assertNothingDue(outbox, 100);
      assert.equal(await succeed(outbox.retry(100)), 600);
      assert.equal(await succeed(outbox.retry(100)), 0);
      assert.deepEqual([...senders(await drain(outbox, 100))].sort(), [...names].sort());
    },
  },
  {
    title: "retry() makes notices of both types due",
    run: async ({ outbox }) => {
      for (const type of ["PRIVATE", "GROUP"] as const) {
        await succeed(outbox.add(type, noticeFrom(type, type)));
        const claimed = await succeed(outbox.claim(type, 0, 1_000));
        assert.ok(O.isSome(claimed));
        await succeed(outbox.settle(claimed.value, postponed(5_000)));
      }
      assert.equal(await succeed(outbox.retry(100)), 2);
      assert.deepEqual(senders(await drain(outbox, 100)), ["PRIVATE", "GROUP"]);
    },
  },
  {
    title: "revive() puts dead letters behind what waits, their age and attempts kept",
    run: async ({ outbox, clock }) => {
      await die(outbox, "group:1", "a");
      await die(outbox, "group:2", "b");
      clock.set(10);
      await succeed(outbox.add("group:1", noticeFrom("c")));
      assert.equal(await succeed(outbox.revive()), 2);
      assert.deepEqual(await succeed(outbox.deadLetters()), []);
      assert.deepEqual(await statusOf(outbox, 10), { ...EMPTY, pending: 3, oldest: O.some(0) });
      const claims = await drain(outbox);
      const inGroup1 = claims.filter(({ conversation }) => conversation === "group:1");
      assert.deepEqual(senders(inGroup1), ["c", "a"]);
      assert.deepEqual(
        claims.filter(({ attempts, storedAt }) => attempts === 1 && storedAt === 0).length,
        2,
      );
      assert.equal(await succeed(outbox.revive()), 0);
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
