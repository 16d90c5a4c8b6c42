import * as fc from "fast-check";
import {
  type Breaker,
  CLOSED,
  entered,
  failed,
  isSuspect,
  openFor,
} from "../../adapters/rongcloud/breaker.ts";
import { makeHosts } from "../../adapters/rongcloud/hosts.ts";
import { makeTokenBucket } from "../../adapters/rongcloud/token-bucket.ts";
import { test } from "../support/test.ts";

const NOW = 1_700_000_000_000;

/** When each call went through, of one that asks again as soon as it is told to. */
const spend = (limit: { calls: number; perMs: number }, pauses: ReadonlyArray<number>) => {
  const bucket = makeTokenBucket(limit);
  let now = NOW;
  return pauses.map((pause) => {
    now += pause + bucket.wait(now + pause);
    bucket.take(now);
    return now;
  });
};

test("a token bucket lets no more through than its limit, in any span as long as that", (t) => {
  t.notThrows(() =>
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 50 }),
        fc.array(fc.integer({ min: 0, max: 300 }), { minLength: 200, maxLength: 200 }),
        (calls, pauses) => {
          const times = spend({ calls, perMs: 1_000 }, pauses);
          return times.every((from) => {
            const within = times.filter((at) => at >= from && at < from + 1_000 - 1e-3);
            return within.length <= calls;
          });
        },
      ),
    ),
  );
});

test("a token bucket lets nearly as much through as its limit", (t) => {
  for (const calls of [1, 2, 20, 6_000]) {
    const times = spend(
      { calls, perMs: 1_000 },
      Array.from({ length: calls * 10 }, () => 0),
    );
    const seconds = ((times.at(-1) ?? 0) - NOW) / 1_000;
    t.true((calls * 10) / seconds >= calls * 0.9, `${calls} a second`);
  }
});

test("a token bucket that is held has no token until then, and one then", (t) => {
  const bucket = makeTokenBucket({ calls: 20, perMs: 1_000 });
  bucket.hold(NOW + 7_000);
  t.is(bucket.wait(NOW), 7_000);
  t.is(bucket.wait(NOW + 7_000), 0);
  bucket.take(NOW + 7_000);
  t.true(bucket.wait(NOW + 7_000) > 0);
});

const RULE = { threshold: 3, firstPause: 1_000, longestPause: 5_000 };

const failedTimes = (times: number): Breaker =>
  Array.from({ length: times }).reduce<Breaker>((breaker) => failed(RULE, breaker, NOW), CLOSED);

test("a breaker opens at its threshold, and no longer for many failures at once", (t) => {
  t.deepEqual(
    [0, 1, 2, 3, 4, 50].map((times) => openFor(RULE, failedTimes(times), NOW)),
    [0, 0, 0, 1_000, 1_000, 1_000],
  );
});

test("a breaker opens for twice as long each time that a probe fails, up to the longest pause", (t) => {
  let breaker = failedTimes(3);
  let now = NOW;
  const pauses = [1, 2, 3, 4].map(() => {
    now = breaker.until;
    breaker = failed(RULE, entered(RULE, breaker, now + 2_000), now + 500);
    return openFor(RULE, breaker, now + 500);
  });
  t.deepEqual(pauses, [2_000, 4_000, 5_000, 5_000]);
});

test("a breaker is suspicious from the first failure on, for a while", (t) => {
  t.false(isSuspect(CLOSED, NOW));
  t.true(isSuspect(failedTimes(1), NOW + 999));
  t.false(isSuspect(failedTimes(1), NOW + 1_000));
});

test("a breaker that was open lets one call through, and the next when that is over", (t) => {
  const open = failedTimes(3);
  t.is(openFor(RULE, open, NOW + 1_000), 0);
  const probed = entered(RULE, open, NOW + 3_000);
  t.is(openFor(RULE, probed, NOW + 1_000), 2_000);
  t.is(openFor(RULE, probed, NOW + 3_000), 0);
  t.is(openFor(RULE, entered(RULE, failedTimes(2), NOW + 6_000), NOW), 0);
});

test("hosts are asked in their order, whoever failed a moment ago last", (t) => {
  const hosts = makeHosts(["a", "b", "c"]);
  t.deepEqual(hosts.candidates(NOW), ["a", "b", "c"]);
  hosts.failed("a", NOW);
  t.deepEqual(hosts.candidates(NOW), ["b", "c", "a"]);
  t.deepEqual(hosts.candidates(NOW + 1_000), ["a", "b", "c"]);
});

test("a host that keeps failing is left alone, then asked by one, then by all", (t) => {
  const hosts = makeHosts(["a", "b"]);
  for (let failure = 0; failure < 5; failure += 1) {
    hosts.failed("a", NOW);
  }
  t.deepEqual(hosts.candidates(NOW), ["b"]);
  t.is(hosts.wait(NOW), 0);
  const later = NOW + 1_000;
  t.deepEqual(hosts.candidates(later), ["a", "b"]);
  hosts.entered("a", later + 2_000);
  t.deepEqual(hosts.candidates(later), ["b"]);
  hosts.succeeded("a");
  t.deepEqual(hosts.candidates(later), ["a", "b"]);
});

test("there is nobody to ask while every host is left alone", (t) => {
  const hosts = makeHosts(["a", "b"]);
  for (const host of ["a", "b"]) {
    for (let failure = 0; failure < 5; failure += 1) {
      hosts.failed(host, host === "a" ? NOW : NOW + 500);
    }
  }
  t.deepEqual(hosts.candidates(NOW + 500), []);
  t.is(hosts.wait(NOW + 500), 500);
});
