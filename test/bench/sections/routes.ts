/** Each route on each store, against hapi and node:http answering the same bytes. */
import { assertAlike, startBare } from "../answers.ts";
import { type Compared, compare } from "../compare.ts";
import { OF_HAPI, verdict } from "../goals.ts";
import { ratiosPlot } from "../plots.ts";
import { startOurs } from "../processes.ts";
import { LOADS } from "../requests.ts";
import type { Section } from "../section.ts";
import { makeRedis, makeSqlite } from "../stores.ts";

type Name = "node" | "hapi" | "command" | "sqlite" | "redis";

export const benchRoutes: Section = async ({ report, generator, headers, defer, capacities }) => {
  const onRedis = await makeRedis(defer);
  const sqlite = await startOurs(defer, await makeSqlite(defer));
  const redis = await startOurs(defer, onRedis.variables);
  const node = await startBare(defer, "bare-node", sqlite, LOADS, headers);
  const hapi = await startBare(defer, "bare-hapi", sqlite, LOADS, headers);
  const command = await startBare(defer, "bare-hapi", sqlite, LOADS, headers, onRedis.redis.url);
  for (const load of LOADS) {
    await assertAlike([sqlite, redis, node, hapi, command], load, headers);
  }

  const found: Array<readonly [name: string, commands: boolean, compared: Compared<Name>]> = [];
  for (const load of LOADS) {
    const compared = await compare<Name>(
      generator,
      [
        ["node", { server: node }],
        ["hapi", { server: hapi }],
        ["sqlite", { server: sqlite, delivers: true }],
        ["redis", { server: redis, delivers: true }],
        ...(load.command === undefined ? [] : [["command", { server: command }] as const]),
      ],
      load,
    );
    capacities.set(load.name, compared.perSecond("sqlite"));
    found.push([load.name, load.command !== undefined, compared]);
  }

  for (const store of ["sqlite", "redis"] as const) {
    report.table(
      [
        `on ${store}`,
        "of bare Hapi",
        "goal",
        ...(store === "redis" ? ["of bare Hapi and one command"] : []),
        "of bare node:http",
        "requests/s",
        "bare Hapi",
        "bare node:http",
      ],
      found.map(([name, commands, { of, perSecond }]) => [
        name,
        `**${of(store, "hapi").toFixed(2)}**`,
        verdict(of(store, "hapi"), OF_HAPI[store][name]),
        ...(store === "redis" ? [commands ? of(store, "command").toFixed(2) : "–"] : []),
        of(store, "node").toFixed(2),
        ...([store, "hapi", "node"] as const).map((one) => perSecond(one).toFixed(0)),
      ]),
    );
  }
  report.plot(
    "routes",
    ratiosPlot(
      "Requests a second, of bare Hapi's",
      (["sqlite", "redis"] as const).flatMap((store) =>
        found.map(([name, , { of }]) => ({
          group: `on ${store}`,
          name,
          ratio: of(store, "hapi"),
          goal: OF_HAPI[store][name]?.atLeast,
        })),
      ),
    ),
  );
};
