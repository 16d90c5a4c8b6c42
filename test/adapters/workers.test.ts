/** What the primary process has to work out for its workers, without any of them. */

import { pauseAfter } from "../../adapters/cli/crew.ts";
import { shareOf } from "../../adapters/cli/shares.ts";
import { type Config, readConfig } from "../../adapters/config/mod.ts";
import { makeMemoryStore } from "../../adapters/memory/mod.ts";
import { makeMetrics, makeTally } from "../../adapters/metrics/mod.ts";
import { succeed } from "../contract/expect.ts";
import { test } from "../support/test.ts";

const SHARED = ["SEND_CONCURRENCY", "RONGCLOUD_PRIVATE_PER_MINUTE", "RONGCLOUD_GROUP_PER_SECOND"];

const configOf = (env: Readonly<Record<string, string>>): Promise<Config> =>
  succeed(async () =>
    readConfig(env, {
      serving: false,
      n3dKeyFault: () => undefined,
      mysqlUrlFault: () => undefined,
    }),
  );

test("shareOf() gives workers shares of each limit that add up to it", async (t) => {
  const config = await configOf({
    RONGCLOUD_APP_KEY: "key",
    RONGCLOUD_APP_SECRET: "secret",
    RONGCLOUD_PRIVATE_PER_MINUTE: "6001",
  });
  for (const seats of [2, 3, 7, 20]) {
    const shares = Array.from({ length: seats }, (_, seat) => shareOf(config, seats, seat));
    const sums = SHARED.map((name) => shares.reduce((sum, share) => sum + Number(share[name]), 0));
    t.deepEqual(sums, [64, 6_001, 20], `${seats} workers`);
    t.true(shares.every((share) => SHARED.every((name) => Number(share[name]) >= 1)));
  }
});

test("shareOf() shares no limits where messages are only logged", async (t) => {
  const config = await configOf({ SEND_CONCURRENCY: "5" });
  t.deepEqual(shareOf(config, 2, 0), { SEND_CONCURRENCY: "3" });
  t.deepEqual(shareOf(config, 2, 1), { SEND_CONCURRENCY: "2" });
});

test("pauseAfter() is longer after each early end, and never longer than half a minute", (t) => {
  const pauses = Array.from({ length: 12 }, (_, ends) => pauseAfter(ends));
  t.is(pauses[0], 0);
  t.deepEqual(
    pauses,
    pauses.toSorted((a, b) => a - b),
  );
  t.is(pauses.at(-1), 30_000);
});

const samplesOf = (text: string): ReadonlyMap<string, number> =>
  new Map(
    text
      .split("\n")
      .filter((line) => line !== "" && !line.startsWith("#"))
      .map((line) => [line.slice(0, line.lastIndexOf(" ")), Number(line.split(" ").at(-1))]),
  );

/** What a process sends after it has answered so many requests and heard of so many deliveries. */
const figuresOf = async (requests: number, deliveries: number): Promise<unknown> => {
  const { answered, delivered, figures } = makeMetrics(makeMemoryStore());
  for (let request = 0; request < requests; request += 1) {
    answered({ route: "/r", method: "GET", status: 200, durationMs: 3, error: undefined });
  }
  for (let delivery = 0; delivery < deliveries; delivery += 1) {
    delivered("DELIVERED");
  }
  return JSON.parse(JSON.stringify(await figures()));
};

const REQUESTS =
  'sealtalk_misc_http_request_duration_seconds_count{route="/r",method="GET",status="200"}';
const BUCKET =
  'sealtalk_misc_http_request_duration_seconds_bucket{le="0.005",route="/r",method="GET",status="200"}';
const DELIVERIES = 'sealtalk_misc_notice_attempts_total{outcome="DELIVERED"}';
const MEMORY = "process_resident_memory_bytes";

test("a tally has the sum of what its workers counted, and nothing of the outbox", async (t) => {
  const { hear, read } = makeTally();
  t.is((await read()).trim(), "");
  hear(1, await figuresOf(2, 0));
  hear(2, await figuresOf(3, 4));
  const text = await read();
  const samples = samplesOf(text);
  t.is(samples.get(REQUESTS), 5);
  t.is(samples.get(BUCKET), 5);
  t.is(samples.get(DELIVERIES), 4);
  t.notRegex(text, /outbox/);
  t.is([...text.matchAll(/^# TYPE process_resident_memory_bytes gauge$/gm)].length, 1);
});

test("a tally keeps what a worker that ended, or is silent, had counted; not what it measured", async (t) => {
  const { hear, forget, read } = makeTally();
  hear(1, await figuresOf(2, 1));
  hear(2, await figuresOf(3, 0));
  const before = samplesOf(await read());
  hear(1, undefined);
  hear(1, [{ name: "sealtalk_misc_made_up" }]);
  t.is(samplesOf(await read()).get(REQUESTS), 5);
  forget(1);
  forget(3);
  const after = samplesOf(await read());
  t.is(after.get(REQUESTS), 5);
  t.is(after.get(BUCKET), 5);
  t.is(after.get(DELIVERIES), 1);
  t.true((after.get(MEMORY) ?? 0) < (before.get(MEMORY) ?? 0));
  hear(4, await figuresOf(1, 0));
  forget(2);
  forget(4);
  t.is(samplesOf(await read()).get(REQUESTS), 6);
  t.is(samplesOf(await read()).get(MEMORY), undefined);
});

test("where a sum says nothing, a tally has the worst of its workers", async (t) => {
  const { hear, read } = makeTally();
  const lag = (value: number | null) => [
    {
      name: "nodejs_eventloop_lag_p99_seconds",
      help: "lag",
      type: "gauge",
      aggregator: "average",
      values: [{ labels: {}, value }],
    },
  ];
  hear(1, lag(0.25));
  hear(2, lag(0.5));
  hear(3, lag(null));
  t.is(samplesOf(await read()).get("nodejs_eventloop_lag_p99_seconds"), 0.5);
});
