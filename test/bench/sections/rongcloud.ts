/** set_screen_capture while RongCloud is fast, slow and away: it is not waited for. */
import { startDeafHost } from "../../support/deaf-host.ts";
import { freePort } from "../../support/redis-server.ts";
import type { Defer } from "../cleanup.ts";
import type { Loaded } from "../generator.ts";
import { metricOf, WAITING } from "../metrics.ts";
import { startChild, startOurs } from "../processes.ts";
import { SET_STATUS } from "../requests.ts";
import type { Section } from "../section.ts";
import { ROUNDS } from "../settings.ts";
import { median, ratio } from "../statistics.ts";
import { makeSqlite } from "../stores.ts";

const APPLICATION = { APP_KEY: "app-key", APP_SECRET: "app-secret" };
const SLOW_MS = 300;

// RongCloud's own limits would have all but a hundred notices a second wait, however fast it is.
const UNLIMITED = {
  RONGCLOUD_PRIVATE_PER_MINUTE: "60000000",
  RONGCLOUD_GROUP_PER_SECOND: "1000000",
};

type Variables = Readonly<Record<string, string>>;

const at = (url: string): Variables => ({
  MESSAGE_GATEWAY: "rongcloud",
  RONGCLOUD_APP_KEY: APPLICATION.APP_KEY,
  RONGCLOUD_APP_SECRET: APPLICATION.APP_SECRET,
  RONGCLOUD_API: url,
  ...UNLIMITED,
  // What is away is told of: that is not what is measured.
  LOG_LEVEL: "fatal",
});

const clouds = async (
  defer: Defer,
): Promise<ReadonlyArray<readonly [name: string, variables: Variables]>> => {
  const fast = await startChild(defer, "rongcloud", APPLICATION);
  const slow = await startChild(defer, "rongcloud", { ...APPLICATION, DELAY_MS: String(SLOW_MS) });
  const deaf = await startDeafHost();
  defer(deaf.close);
  return [
    ["none: notices are logged", {}],
    ["fast", at(fast.url)],
    [`slow: ${SLOW_MS} ms`, at(slow.url)],
    ["away: refuses connections", at(`http://127.0.0.1:${await freePort()}`)],
    ["away: swallows connections", at(deaf.url)],
  ];
};

interface Run extends Loaded {
  readonly waiting: number;
}

export const benchRongCloud: Section = async ({ report, generator, defer }) => {
  const cases = await clouds(defer);
  const runs = new Map<string, Run[]>(cases.map(([name]) => [name, []]));
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const [name, variables] of cases) {
      // Another each time: what one round leaves undelivered is not the next one's work.
      const server = await startOurs(defer, { ...(await makeSqlite(defer)), ...variables });
      const loaded = await generator.saturate(server, SET_STATUS);
      const waiting = await metricOf(server, WAITING);
      runs.get(name)?.push({ ...loaded, waiting });
      await server.kill();
    }
  }
  const of = (name: string, pick: (run: Run) => number): ReadonlyArray<number> =>
    (runs.get(name) ?? []).map(pick);
  const rate = ({ perSecond }: Run): number => perSecond;
  const [[none = ""] = []] = cases;
  report.line(
    "set_screen_capture over 1,000 conversations on sqlite, at capacity; RongCloud's limits are lifted.",
  );
  report.table(
    ["RongCloud", "of none", "requests/s", "p99", "notices waiting at the end"],
    cases.map(([name]) => [
      name,
      `**${ratio(of(name, rate), of(none, rate)).toFixed(2)}**`,
      median(of(name, rate)).toFixed(0),
      `${median(of(name, ({ p99 }) => p99)).toFixed(0)} ms`,
      median(of(name, ({ waiting }) => waiting)).toLocaleString("en"),
    ]),
  );
};
