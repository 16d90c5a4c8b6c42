/** The fetch face under each runtime, against a function that answers the same bytes there. */
import { binPath, denoPath } from "../../support/runtimes.ts";
import { answersOf, assertAlike, startBare } from "../answers.ts";
import { type Contestant, compare } from "../compare.ts";
import { FETCH_OF_NODE, type Goal, verdict } from "../goals.ts";
import { ratiosPlot } from "../plots.ts";
import { startPrinting } from "../processes.ts";
import {
  CLIENT_VERSION,
  GET_STATUS,
  LATEST_UPDATE,
  type Load,
  MOBILE_VERSION,
} from "../requests.ts";
import type { Bench, Section } from "../section.ts";

type Command = readonly [string, ...string[]];

const LOADS = [LATEST_UPDATE, MOBILE_VERSION, CLIENT_VERSION, GET_STATUS];
const SOURCE = "test/bench/children/fetch-server.ts";
const MAY = ["--allow-net", "--allow-env", "--allow-read", "--allow-sys"];

const runtimes = async (): Promise<ReadonlyArray<readonly [name: string, command: Command]>> => [
  ["Node, @hono/node-server", [process.execPath, "dist/test/bench/children/fetch-server.js"]],
  ["Deno.serve", [await denoPath(), "run", ...MAY, SOURCE]],
  ["Bun.serve", [binPath("bun"), SOURCE]],
];

interface Row {
  readonly runtime: string;
  readonly load: Load;
  /** What it is held against, and how much of that it is. */
  readonly against: "a bare function" | "bare node:http";
  readonly ratio: number;
  readonly perSecond: number;
  readonly otherPerSecond: number;
  readonly goal: Goal | undefined;
}

/** The servers that one runtime's is held against, by what they are. */
const contestantsOf = async (
  { defer, headers }: Bench,
  command: Command,
): Promise<ReadonlyArray<readonly [Row["against"] | "ours", Contestant]>> => {
  // The same program serves ours, or what it is given to answer.
  const ours = await startPrinting(defer, command, {});
  const ANSWERS = JSON.stringify(await answersOf(ours, LOADS, headers));
  const bare = await startPrinting(defer, command, { ANSWERS });
  const node = await startBare(defer, "bare-node", ours, LOADS, headers);
  return [
    ["bare node:http", { server: node }],
    ["a bare function", { server: bare }],
    ["ours", { server: ours }],
  ];
};

const rowsOf = async (
  bench: Bench,
  runtime: string,
  command: Command,
): Promise<ReadonlyArray<Row>> => {
  const onNode = command[0] === process.execPath;
  const all = await contestantsOf(bench, command);
  // node:http says nothing of another runtime.
  const contestants = onNode ? all : all.slice(1);
  const servers = contestants.map(([, { server }]) => server);
  const rows: Row[] = [];
  for (const load of LOADS) {
    await assertAlike(servers, load, bench.headers);
    const { of, perSecond } = await compare(bench.generator, contestants, load);
    for (const [against] of contestants) {
      if (against !== "ours") {
        rows.push({
          runtime,
          load,
          against,
          ratio: of("ours", against),
          perSecond: perSecond("ours"),
          otherPerSecond: perSecond(against),
          goal: against === "bare node:http" ? FETCH_OF_NODE[load.name] : undefined,
        });
      }
    }
  }
  await Promise.all(all.map(([, { server }]) => server.end()));
  return rows;
};

export const benchFetch: Section = async (bench) => {
  const rows: Row[] = [];
  for (const [runtime, command] of await runtimes()) {
    rows.push(...(await rowsOf(bench, runtime, command)));
  }
  bench.report.table(
    ["server", "route", "against", "ratio", "goal", "requests/s", "of the other"],
    rows.map(({ runtime, load, against, ratio, perSecond, otherPerSecond, goal }) => [
      runtime,
      load.name,
      against,
      `**${ratio.toFixed(2)}**`,
      verdict(ratio, goal),
      perSecond.toFixed(0),
      otherPerSecond.toFixed(0),
    ]),
  );
  bench.report.plot(
    "fetch",
    ratiosPlot(
      "The fetch face: requests a second, of a bare server's",
      rows.map(({ runtime, load, against, ratio, goal }) => ({
        group: `${runtime}: of ${against}`,
        name: load.name,
        ratio,
        goal: goal?.atLeast,
      })),
    ),
  );
};
