import { afterFailure, LEASE_MS, mayStillSend } from "../../core/domain/delivery.ts";
import { test } from "../support/test.ts";

const away = { _tag: "GATEWAY_UNAVAILABLE", delivery: "unknown", cause: "x" } as const;
const NOW = 1_000_000;

for (const [attempts, ceiling] of [
  [0, 250],
  [1, 500],
  [6, 16_000],
  [7, 30_000],
  [5_000, 30_000],
] as const) {
  test(`afterFailure() postpones by up to ${ceiling} ms after ${attempts} attempts`, (t) => {
    const postponed = (random: number): unknown =>
      afterFailure(away, { attempts, now: NOW, random });
    const reason = "GATEWAY_UNAVAILABLE";
    t.deepEqual(postponed(0), { _tag: "POSTPONED", until: NOW, reason });
    t.deepEqual(postponed(0.5), { _tag: "POSTPONED", until: NOW + ceiling / 2, reason });
  });
}

test("afterFailure() waits at least as long as the gateway asked", (t) => {
  const outcome = afterFailure({ ...away, retryAfter: 90 }, { attempts: 0, now: NOW, random: 0.9 });
  t.like(outcome, { _tag: "POSTPONED", until: NOW + 90_000 });
});

test("afterFailure() tries what the operator can cure once a minute", (t) => {
  const rejected = { _tag: "GATEWAY_REJECTED", gatewayCode: 1004, cure: "operator" } as const;
  t.deepEqual(afterFailure(rejected, { attempts: 9, now: NOW, random: 0 }), {
    _tag: "POSTPONED",
    until: NOW + 60_000,
    reason: "GATEWAY_REJECTED 1004",
  });
});

test("afterFailure() gives up what the gateway can never take", (t) => {
  const rejected = { _tag: "GATEWAY_REJECTED", gatewayCode: 1002, cure: "none" } as const;
  t.deepEqual(afterFailure(rejected, { attempts: 0, now: NOW, random: 0 }), {
    _tag: "DEAD",
    reason: "GATEWAY_REJECTED 1002",
  });
});

test("mayStillSend() holds while the lease outlasts the longest sending", (t) => {
  const leaseUntil = NOW + LEASE_MS;
  t.true(mayStillSend({ leaseUntil }, NOW));
  t.true(mayStillSend({ leaseUntil }, leaseUntil - 4_001));
  t.false(mayStillSend({ leaseUntil }, leaseUntil - 4_000));
  t.false(mayStillSend({ leaseUntil }, leaseUntil + 1));
});
