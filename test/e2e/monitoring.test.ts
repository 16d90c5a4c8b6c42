/** What docs/monitoring asks of /metrics, and what /metrics says of a server that has had all to do. */
import { readFile } from "node:fs/promises";
import { parser } from "@prometheus-io/lezer-promql";
import * as t from "io-ts";
import { parse } from "yaml";
import { type Deployment, makeDeployment, postJson } from "../support/deployment.ts";
import type { ServerProcess } from "../support/program.ts";
import { test } from "../support/test.ts";
import { until } from "../support/until.ts";

const Rules = t.type({
  groups: t.array(
    t.type({
      rules: t.array(
        t.type({
          alert: t.string,
          expr: t.string,
          labels: t.type({ severity: t.string }),
          annotations: t.type({ summary: t.string, action: t.string }),
        }),
      ),
    }),
  ),
});
const Dashboard = t.type({
  panels: t.array(
    t.type({ id: t.number, title: t.string, targets: t.array(t.type({ expr: t.string })) }),
  ),
});

/** What a query names, or `undefined` if it is none. */
const metricsIn = (query: string): ReadonlyArray<string> | undefined => {
  // What Grafana puts in itself.
  const text = query.replaceAll("$__rate_interval", "5m");
  const names: string[] = [];
  let isWrong = false;
  parser.parse(text).iterate({
    enter: ({ type, from, to }) => {
      isWrong ||= type.isError;
      if (type.name === "Identifier") {
        names.push(text.slice(from, to));
      }
    },
  });
  return isWrong ? undefined : names;
};

let deployment: Deployment;
let server: ServerProcess;
let metrics = "";

const post = async (path: string, body: unknown, user = "alice"): Promise<number> =>
  (await postJson(server, path, await deployment.tokenFor(user), body)).status;

const sampleOf = (series: string): number | undefined => {
  const line = metrics.split("\n").find((one) => one.startsWith(`${series} `));
  return line === undefined ? undefined : Number(line.slice(series.length));
};

test.before(async () => {
  deployment = await makeDeployment();
  server = await deployment.start();
  const group = { conversationType: 3, targetId: "g" };
  await post("/misc/set_screen_capture", { ...group, noticeStatus: 1 });
  await post("/misc/get_screen_capture", group);
  await post("/misc/get_screen_capture", { conversationType: 1, targetId: "mallory" });
  await until("the notice is taken", async () => deployment.rongCloud.taken.length === 1);
  deployment.rongCloud.behave({ status: 400, code: 1002 });
  await post("/misc/send_sc_msg", group);
  await server.line(({ msg }) => String(msg).startsWith("notice dead"));
  metrics = await (await fetch(`${server.url}/metrics`)).text();
});
test.after.always(() => deployment.close());

test("/metrics counts requests by route, method and status", (t) => {
  const count = "sealtalk_misc_http_request_duration_seconds_count";
  const route = 'route="/misc/get_screen_capture",method="POST"';
  t.is(sampleOf(`${count}{${route},status="200"}`), 1);
  t.is(sampleOf(`${count}{${route},status="403"}`), 1);
});

test("/metrics counts errors by tag", (t) => {
  const labels = 'route="/misc/get_screen_capture",error="NOT_FRIENDS"';
  t.is(sampleOf(`sealtalk_misc_errors_total{${labels}}`), 1);
});

test("/metrics counts attempts by RongCloud's host and by outcome", (t) => {
  const { host } = new URL(deployment.rongCloud.url);
  const hosts = [...metrics.matchAll(/gateway_attempt_duration_seconds_count\{host="([^"]*)"/g)];
  t.true(hosts.length > 0 && hosts.every(([, one = ""]) => one.includes(host)));
  for (const outcome of ["DELIVERED", "REJECTED"]) {
    const labels = `host="${hosts[0]?.[1]}",outcome="${outcome}"`;
    t.is(sampleOf(`sealtalk_misc_gateway_attempt_duration_seconds_count{${labels}}`), 1);
  }
});

test("/metrics times each call to the store", (t) => {
  const count = "sealtalk_misc_store_duration_seconds_count";
  for (const [operation, calls] of [
    ["setNoticeStatus", 1],
    // Asked beside the relationship, so for the one who is refused too.
    ["noticeStatus", 2],
    ["add", 1],
    ["areFriends", 1],
    ["isMember", 3],
    ["settle", 2],
  ] as const) {
    t.is(sampleOf(`${count}{operation="${operation}",outcome="ok"}`), calls, operation);
  }
});

test("/metrics says what is in the outbox", (t) => {
  t.is(sampleOf('sealtalk_misc_outbox_notices{state="dead"}'), 1);
  t.is(sampleOf('sealtalk_misc_outbox_notices{state="pending"}'), 0);
  t.is(sampleOf("sealtalk_misc_outbox_oldest_seconds"), 0);
  t.is(sampleOf('sealtalk_misc_notice_attempts_total{outcome="DELIVERED"}'), 1);
});

test("/metrics has the lag of the event loop and the memory of the process", (t) => {
  t.true((sampleOf("nodejs_eventloop_lag_p99_seconds") ?? 0) > 0);
  t.true((sampleOf("process_resident_memory_bytes") ?? 0) > 0);
});

/** Prometheus' own: whether a server could be scraped. */
const OF_PROMETHEUS = "up";

const unknownIn = (query: string): ReadonlyArray<string> | undefined => {
  const names = new Set([...metrics.matchAll(/^([a-z_0-9]+)[ {]/gm)].map(([, name]) => name));
  return metricsIn(query)?.filter((name) => name !== OF_PROMETHEUS && !names.has(name));
};

test("each alert asks for what /metrics has, and says what to do", async (t) => {
  const rules: unknown = parse(await readFile("docs/monitoring/alerts.yaml", "utf8"));
  t.true(Rules.is(rules));
  const all = Rules.is(rules) ? rules.groups.flatMap((group) => group.rules) : [];
  t.true(all.length >= 8);
  for (const { alert, expr } of all) {
    t.deepEqual(unknownIn(expr), [], `${alert}: ${expr}`);
  }
});

test("each panel of the dashboard asks for what /metrics has", async (t) => {
  const dashboard: unknown = JSON.parse(await readFile("docs/monitoring/grafana.json", "utf8"));
  t.true(Dashboard.is(dashboard));
  const panels = Dashboard.is(dashboard) ? dashboard.panels : [];
  t.true(panels.length >= 10);
  t.is(new Set(panels.map(({ id }) => id)).size, panels.length);
  for (const { title, targets } of panels) {
    for (const { expr } of targets) {
      t.deepEqual(unknownIn(expr), [], `${title}: ${expr}`);
    }
  }
});

test("a query that is none, or that asks for what is not there, is found", (t) => {
  t.is(unknownIn("sum(rate(up[5m])"), undefined);
  t.deepEqual(unknownIn("sum(rate(sealtalk_misc_nothing_total[5m]))"), [
    "sealtalk_misc_nothing_total",
  ]);
});
