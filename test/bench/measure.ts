/** What the parts of the bench share: servers to measure, and how. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createInterface } from "node:readline";
import { setTimeout } from "node:timers/promises";
import autocannon from "autocannon";
import { freePort } from "../support/redis-server.ts";

export const ROUNDS: number = Number(process.env.BENCH_ROUNDS ?? 3);
export const SECONDS: number = Number(process.env.BENCH_SECONDS ?? 3);
export const CONNECTIONS = 50;

/** A request, over and over; and what a bare server does of the same on Redis. */
export interface Load {
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly body?: string;
  readonly command?: readonly [string, ...string[]];
}

/** A server that is measured. */
export interface Measured {
  readonly url: string;
  readonly pid: number | undefined;
  readonly end: () => Promise<void>;
}

export type Headers = Readonly<Record<string, string>>;

export const print = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

export const median = (numbers: ReadonlyArray<number>): number =>
  [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN;

export const residentMegabytes = async (pid: number | undefined): Promise<number> => {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) / 1024;
};

/** A server that logs errors alone, so not that it listens either: it is asked until it answers. */
export const startQuietly = async (
  variables: Readonly<Record<string, string>>,
): Promise<Measured> => {
  const port = await freePort();
  const child = spawn(process.execPath, ["dist/adapters/cli/main.js", "serve"], {
    env: { PATH: process.env.PATH, PORT: String(port), LOG_LEVEL: "error", ...variables },
    stdio: "inherit",
  });
  const url = `http://127.0.0.1:${port}`;
  while (!(await answersAt(`${url}/misc/mobile_version`))) {
    await setTimeout(2);
  }
  return {
    url,
    pid: child.pid,
    end: async () => {
      child.kill("SIGTERM");
      await once(child, "close");
    },
  };
};

const answersAt = async (url: string): Promise<boolean> => {
  try {
    return (await fetch(url)).ok;
  } catch {
    return false;
  }
};

/** A bare hapi server that answers each load with the bytes that ours answers it with. */
export const startBare = async (
  { url }: Measured,
  headers: Headers,
  loads: ReadonlyArray<Load>,
  redisUrl?: string,
): Promise<Measured> => {
  const answers = await Promise.all(
    loads.map(async ({ method, path, body, command }) => {
      const response = await fetch(`${url}${path}`, {
        method,
        headers,
        ...(body === undefined ? {} : { body }),
      });
      const [route = path] = path.split("?");
      return { method, path: route, status: response.status, body: await response.text(), command };
    }),
  );
  const child = spawn(process.execPath, ["dist/test/bench/bare-hapi.js"], {
    env: { ...process.env, REDIS_URL: redisUrl, ANSWERS: JSON.stringify(answers) },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [bareUrl] = await once(createInterface(child.stdout), "line");
  return {
    url: bareUrl,
    pid: child.pid,
    end: async () => {
      child.kill();
      await once(child, "close");
    },
  };
};

const perSecond = async (
  base: string,
  headers: Headers,
  { method, path, body }: Load,
): Promise<number> => {
  const result = await autocannon({
    url: `${base}${path}`,
    method,
    connections: CONNECTIONS,
    duration: SECONDS,
    ...(method === "POST" ? { headers, body: body ?? "" } : {}),
  });
  if (result.non2xx > 0 || result.errors > 0) {
    throw new Error(`${path}: ${result.non2xx} refused, ${result.errors} failed`);
  }
  return result.requests.average;
};

/** A row for each load: ours and the bare server in turn, medians, the ratio first. */
export const compare = async (
  ours: Measured,
  bare: Measured,
  headers: Headers,
  loads: ReadonlyArray<Load>,
): Promise<void> => {
  for (const load of loads) {
    const rates: { readonly ours: number[]; readonly bare: number[] } = { ours: [], bare: [] };
    for (let round = 0; round < ROUNDS; round += 1) {
      rates.bare.push(await perSecond(bare.url, headers, load));
      rates.ours.push(await perSecond(ours.url, headers, load));
    }
    const [mine, theirs] = [median(rates.ours), median(rates.bare)];
    print(
      `| ${load.method} ${load.path} | **${(mine / theirs).toFixed(2)}** | ${mine.toFixed(0)} | ${theirs.toFixed(0)} |`,
    );
  }
};
