/** Requests a second of each route, compared with servers that only answer. */
import { startBare } from "../bare.ts";
import { GET, LOADS, type Load, SET, VERSIONS } from "../loads.ts";
import { makeStore, type Server, startChild, startRongCloud, startServer } from "../processes.ts";
import { judge, table } from "../statistics.ts";
import { interleave, wrk } from "../wrk.ts";

type Goals = Readonly<Record<string, number>>;

const versions = (goal: number): Goals =>
  Object.fromEntries(VERSIONS.map(({ name }) => [name, goal]));
const TO_HAPI = { ...versions(1.3), send_message: 0.9 };
const GOALS: Readonly<Record<string, Goals>> = {
  "sqlite to hapi": { ...TO_HAPI, get_screen_capture: 1, set_screen_capture: 0.55 },
  "sqlite to node": versions(0.65),
  "redis to hapi": { ...TO_HAPI, get_screen_capture: 0.7, set_screen_capture: 0.4 },
  "redis to node": versions(0.65),
  "fetch handler to node": versions(0.75),
};

const compare = async (
  loads: ReadonlyArray<Load>,
  ours: Readonly<Record<string, Server>>,
): Promise<string> => {
  const servers = Object.entries({ ...(await startBare(loads, Object.values(ours))), ...ours });
  const rows = new Map(Object.keys(ours).map((name): [string, string[][]] => [name, []]));
  for (const load of loads) {
    for (const [, server] of servers) {
      await wrk(server, load, 1);
    }
    const runs = servers.map(([name, server]) => [name, () => wrk(server, load)] as const);
    const of = await interleave(Object.fromEntries(runs));
    for (const [name, row] of rows) {
      const ratios = ["hapi", "node"].map((to) =>
        judge(of(name, "perSecond", to), 2, GOALS[`${name} to ${to}`]?.[load.name]),
      );
      const rates = [name, "hapi", "node"].map((one) => of(one, "perSecond").toFixed(0));
      row.push([load.name, ...ratios, ...rates]);
    }
  }
  const columns = "to bare Hapi | to bare node:http | requests/s | bare Hapi | bare node:http";
  return [...rows].map(([name, row]) => table(`${name} | ${columns}`, row)).join("\n\n");
};

export const routes = async (): Promise<string> => {
  const env = await startRongCloud();
  const sqlite = await startServer({ ...env, ...(await makeStore("sqlite")) });
  const redis = await startServer({ ...env, ...(await makeStore("redis")) });
  return compare(LOADS, { sqlite, redis });
};

export const fetchHandler = async (): Promise<string> =>
  compare([...VERSIONS, SET, GET], { "fetch handler": await startChild("fetch") });
