/** Answers and memory under a steady load of half of capacity. */
import { setTimeout } from "node:timers/promises";
import { startBare } from "../bare.ts";
import { LOADS } from "../loads.ts";
import { makeStore, megabytesOf, startRongCloud, startServer } from "../processes.ts";
import { mean, table } from "../statistics.ts";
import { steady } from "../steady.ts";
import { interleave, SECONDS, wrk } from "../wrk.ts";

const MINUTES = Number(process.env.SOAK_MINUTES ?? 10);

/** How long answers take, compared with bare Hapi at the same rate. */
export const latency = async (): Promise<string> => {
  const ours = await startServer({ ...(await startRongCloud()), ...(await makeStore("sqlite")) });
  const { hapi } = await startBare(LOADS, [ours]);
  const rows: string[][] = [];
  for (const load of LOADS) {
    const rate = Math.round((await wrk(ours, load)).perSecond / 2);
    await steady(hapi, [load], rate, 1);
    const of = await interleave({
      hapi: () => steady(hapi, [load], rate, SECONDS),
      ours: () => steady(ours, [load], rate, SECONDS),
    });
    const both = ["p50", "p99", "p999", "late"].map(
      (figure) => `${of("ours", figure).toFixed(2)} / ${of("hapi", figure).toFixed(2)}`,
    );
    rows.push([load.name, `**${of("ours", "p99", "hapi").toFixed(2)}**`, ...both, String(rate)]);
  }
  const columns = "sqlite / bare Hapi | p99, ratio | p50, ms | p99, ms | p99.9, ms";
  return table(`${columns} | generator late, p99, ms | requests/s`, rows);
};

/** Returns by how much `y` grows for each 1 of `x`, by least squares. */
const slope = (points: ReadonlyArray<readonly [x: number, y: number]>): number => {
  const [meanX, meanY] = [mean(points.map(([x]) => x)), mean(points.map(([, y]) => y))];
  const products = points.map(([x, y]) => (x - meanX) * (y - meanY));
  return mean(products) / mean(points.map(([x]) => (x - meanX) ** 2));
};

/** Whether memory grows while a server answers every route, and delivers, for minutes. */
export const soak = async (): Promise<string> => {
  const env = await startRongCloud(1_000_000);
  const server = await startServer({ ...env, ...(await makeStore("sqlite")) });
  let seconds = 0;
  for (const load of LOADS) {
    seconds += 1 / (await wrk(server, load)).perSecond;
  }
  const rate = Math.round(LOADS.length / seconds / 2);
  const samples: Array<readonly [minute: number, megabytes: number]> = [];
  const began = performance.now();
  const soaking = steady(server, LOADS, rate, MINUTES * 60);
  for (let running = true; running; ) {
    samples.push([(performance.now() - began) / 60_000, await megabytesOf(server)]);
    running = await Promise.race([soaking.then(() => false), setTimeout(1_000, true)]);
  }
  const quarter = Math.ceil(samples.length / 4);
  const levels = [samples.slice(0, quarter), samples.slice(-quarter)].map(
    (part) => `${mean(part.map(([, megabytes]) => megabytes)).toFixed(0)} MB`,
  );
  const growth = `**${slope(samples.slice(quarter)).toFixed(2)} MB a minute**`;
  const columns = "minutes | requests/s | memory, first quarter | last quarter | slope after it";
  return table(columns, [[String(MINUTES), String(rate), ...levels, growth]]);
};
