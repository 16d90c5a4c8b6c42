import * as O from "fp-ts/lib/Option.js";
import { makeFailureLimit, makeRateLimit } from "../../adapters/rate-limit/mod.ts";
import { id } from "../contract/expect.ts";
import { test } from "../support/test.ts";

test("makeRateLimit() takes as many a minute as it says, from each user", async (t) => {
  const limit = makeRateLimit(2);
  t.deepEqual([await limit(id("1"))(), await limit(id("1"))()], [O.none, O.none]);
  const wait = await limit(id("1"))();
  t.true(O.isSome(wait) && Number.isInteger(wait.value) && wait.value >= 1 && wait.value <= 60);
  t.deepEqual(await limit(id("2"))(), O.none);
});

test("makeRateLimit() of 0 takes any number", async (t) => {
  const limit = makeRateLimit(0);
  const answers = await Promise.all(Array.from({ length: 500 }, () => limit(id("1"))()));
  t.true(answers.every(O.isNone));
});

test("makeFailureLimit() refuses an address after as many failures a minute as it says, and no other", async (t) => {
  const { refusal, count } = makeFailureLimit(2);
  t.deepEqual(await refusal("192.0.2.1")(), O.none);
  await count("192.0.2.1")();
  t.deepEqual(await refusal("192.0.2.1")(), O.none);
  await count("192.0.2.1")();
  const wait = await refusal("192.0.2.1")();
  t.true(O.isSome(wait) && Number.isInteger(wait.value) && wait.value >= 1 && wait.value <= 60);
  t.deepEqual(await refusal("192.0.2.2")(), O.none);
});

test("makeFailureLimit() of 0 refuses nobody", async (t) => {
  const { refusal, count } = makeFailureLimit(0);
  await Promise.all(Array.from({ length: 500 }, () => count("192.0.2.1")()));
  t.deepEqual(await refusal("192.0.2.1")(), O.none);
});
