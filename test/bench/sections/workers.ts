/** Two workers beside one. */
import { cpus } from "node:os";
import { compare } from "../compare.ts";
import { type Measured, ServerEnded, startOurs } from "../processes.ts";
import { GET_STATUS, MOBILE_VERSION, SET_STATUS } from "../requests.ts";
import type { Section } from "../section.ts";
import { makeLmdb, makeRedis } from "../stores.ts";

const USAGE = 2;
const LOADS = [MOBILE_VERSION, GET_STATUS, SET_STATUS];

/** `undefined`: this version knows no workers. */
const unlessUnknown = async (starting: Promise<Measured>): Promise<Measured | undefined> => {
  try {
    return await starting;
  } catch (fault) {
    if (fault instanceof ServerEnded && fault.status === USAGE) {
      return undefined;
    }
    throw fault;
  }
};

export const benchWorkers: Section = async ({ report, generator, defer }) => {
  const stores = [
    ["lmdb", () => makeLmdb(defer)],
    ["redis", async () => (await makeRedis(defer)).variables],
  ] as const;
  const rows: string[][] = [];
  for (const [store, make] of stores) {
    const two = await unlessUnknown(
      startOurs(defer, await make(), { options: ["--workers", "2"] }),
    );
    if (two === undefined) {
      report.line("`serve --workers` is unknown to this version: nothing was measured.");
      return;
    }
    const one = await startOurs(defer, await make());
    for (const load of LOADS) {
      const { of, perSecond } = await compare(
        generator,
        [
          ["one", { server: one, delivers: true }],
          ["two", { server: two, delivers: true }],
        ],
        load,
      );
      rows.push([
        store,
        load.name,
        `**${of("two", "one").toFixed(2)}**`,
        perSecond("one").toFixed(0),
        perSecond("two").toFixed(0),
      ]);
    }
    await one.end();
    await two.end();
  }
  report.line(
    `Of ${cpus().length} cores the load generator takes one, and Redis a part of another: two workers have what is left.`,
  );
  report.table(["store", "route", "two, of one", "one worker, requests/s", "two workers"], rows);
};
