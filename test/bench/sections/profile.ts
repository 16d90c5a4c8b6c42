/** Where the time of one route goes: a profile of the server under its load, and the most of it. */
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { startOurs } from "../processes.ts";
import { LOADS } from "../requests.ts";
import type { Section } from "../section.ts";
import { ROUNDS } from "../settings.ts";
import { makeRedis, makeSqlite } from "../stores.ts";

const DIRECTORY = "profiles";
const SHOWN = 25;

/** As much of V8's format as is read. */
interface Profile {
  readonly nodes: ReadonlyArray<{
    readonly id: number;
    readonly callFrame: {
      readonly functionName: string;
      readonly url: string;
      readonly lineNumber: number;
    };
  }>;
  readonly samples: ReadonlyArray<number>;
}

const loadNamed = (name: string) => {
  const load = LOADS.find(
    (one) => one.name === name || one.path === name || one.path === `/misc/${name}`,
  );
  if (load === undefined) {
    throw new Error(`no route ${name}: there are ${LOADS.map((one) => one.name).join("; ")}`);
  }
  return load;
};

/** The shares of time of functions, their callees' excluded, the greatest first. */
const sharesOf = ({ nodes, samples }: Profile): ReadonlyArray<readonly [string, number]> => {
  const names = new Map(
    nodes.map(({ id, callFrame: { functionName, url, lineNumber } }) => {
      const place =
        url === ""
          ? ""
          : ` ${url.replace(/^file:\/\//, "").replace(`${process.cwd()}/`, "")}:${lineNumber + 1}`;
      return [id, `${functionName || "(anonymous)"}${place}`];
    }),
  );
  const counts = new Map<string, number>();
  for (const sample of samples) {
    const name = names.get(sample) ?? "";
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return [...counts]
    .map(([name, count]) => [name, count / samples.length] as const)
    .sort(([, one], [, other]) => other - one);
};

/** Profiles the server while it answers this route, on the store that STORE names. */
export const benchProfile =
  (route: string): Section =>
  async ({ report, generator, defer }) => {
    const load = loadNamed(route);
    const variables =
      process.env.STORE === "redis" ? (await makeRedis(defer)).variables : await makeSqlite(defer);
    const name = `${load.path.replace(/\W+/g, "-")}-${Date.now()}.cpuprofile`;
    await mkdir(DIRECTORY, { recursive: true });
    const server = await startOurs(defer, variables, {
      ofNode: ["--cpu-prof", `--cpu-prof-dir=${DIRECTORY}`, `--cpu-prof-name=${name}`],
    });
    // Long enough for start-up, which is in it too, to be a small part.
    let rate = 0;
    for (let round = 0; round < ROUNDS; round += 1) {
      rate = (await generator.saturate(server, load)).perSecond;
    }
    // The profile is written when it ends by itself.
    await server.end();
    const profile: Profile = JSON.parse(await readFile(join(DIRECTORY, name), "utf8"));
    report.line(
      `${load.name}: ${rate.toFixed(0)} requests/s while profiled: ${join(DIRECTORY, name)}`,
    );
    report.table(
      ["self", "function"],
      sharesOf(profile)
        .slice(0, SHOWN)
        .map(([name, share]) => [`${(share * 100).toFixed(1)} %`, name]),
    );
  };
