/** Servers that share a DATA_DIR, and delivery while requests arrive. */
import { GET, type Load, SET } from "../loads.ts";
import { type Env, makeStore, startRongCloud, startServer } from "../processes.ts";
import { table } from "../statistics.ts";
import { steady } from "../steady.ts";
import { CONNECTIONS, type Figures, interleave, SECONDS, wrk } from "../wrk.ts";

/** Servers of one DATA_DIR or, `apart`, of one each. `cold`: no warm-up, and so many idle servers. */
type Case = Readonly<{ loads: ReadonlyArray<Load>; apart?: true; cold?: number }>;

/** Each second case is compared with the case before it. */
const CASES: Readonly<Record<string, Case>> = {
  "sets, one server": { loads: [SET] },
  "sets, two servers": { loads: [SET, SET] },
  "sets, cold, one server": { loads: [SET], cold: 0 },
  "sets, cold, beside an idle server": { loads: [SET], cold: 1 },
  "reads, another server sets in another DATA_DIR": { loads: [GET, SET], apart: true },
  "reads, another server sets in the same DATA_DIR": { loads: [GET, SET] },
};

/** Loads new servers on new stores, and returns the figures of those with the first load. */
const run = async (env: Env, { loads, apart, cold }: Case): Promise<Figures> => {
  const dirs = [await makeStore("sqlite"), await makeStore("sqlite")];
  const start = (index: number) => startServer({ ...env, ...dirs[apart ? index : 0] });
  const idle = await Promise.all(dirs.slice(0, cold ?? 0).map(() => start(0)));
  const servers = await Promise.all(loads.map((_, index) => start(index)));
  const connections = CONNECTIONS / loads.length;
  const loadAll = (seconds: number) =>
    Promise.all(
      servers.map((server, index) => wrk(server, loads[index] ?? SET, seconds, connections)),
    );
  if (cold === undefined) {
    await loadAll(1);
  }
  const found = (await loadAll(SECONDS)).filter((_, index) => loads[index] === loads[0]);
  await Promise.all([...idle, ...servers].map(({ end }) => end()));
  const perSecond = found.reduce((sum, one) => sum + one.perSecond, 0);
  return { perSecond, p99: Math.max(...found.map(({ p99 }) => p99)) };
};

/** Delivers a backlog while a server answers sets at half of capacity. */
const deliver = async (env: Env): Promise<Figures> => {
  const store = { ...env, ...(await makeStore("sqlite")) };
  // With RongCloud's limit of group messages in force, nearly all of these notices wait.
  const limited = await startServer(store);
  const sets = Math.round((await wrk(limited, SET)).perSecond / 2);
  await limited.end();
  const server = await startServer({ ...store, RONGCLOUD_GROUP_PER_SECOND: "1000000" });
  const accepted = async () => Number(await (await fetch(env.RONGCLOUD_API ?? "")).text());
  const [before, began] = [await accepted(), performance.now()];
  const { p99 = Number.NaN } = await steady(server, [SET], sets, SECONDS);
  const notices = ((await accepted()) - before) / ((performance.now() - began) / 1_000);
  const metrics = await (await fetch(`${server.url}/metrics`)).text();
  await server.end();
  const left = Number(/notices{state="pending"} (\d+)/.exec(metrics)?.[1]);
  return { ratio: notices / sets, notices, sets, p99, left };
};

export const stores = async (): Promise<string> => {
  const env = await startRongCloud();
  const runs = Object.entries(CASES).map(([name, one]) => [name, () => run(env, one)] as const);
  const of = await interleave(Object.fromEntries(runs));
  const names = Object.keys(CASES);
  const rows = names.flatMap((name, index) => {
    const to = names[index - 1] ?? "";
    const both = (key: string) => `${of(name, key).toFixed(1)} / ${of(to, key).toFixed(1)}`;
    const ratio = `**${of(name, "perSecond", to).toFixed(2)}**`;
    return index % 2 === 0 ? [] : [[name, to, ratio, both("perSecond"), both("p99")]];
  });
  const delivery = await interleave({ ours: () => deliver(env) });
  const cells = ["notices", "sets", "p99", "left"].map((one) => delivery("ours", one).toFixed(0));
  return [
    table("sqlite | compared with | requests/s, ratio | requests/s | p99, ms", rows),
    table("notices delivered, to sets | notices/s | sets/s | p99 of a set, ms | notices left", [
      [`**${delivery("ours", "ratio").toFixed(2)}**`, ...cells],
    ]),
  ].join("\n\n");
};
