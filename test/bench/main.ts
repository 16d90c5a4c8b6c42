/**
 * `npm run bench`: each route on the embedded store against bare hapi answering the same bytes, in
 * one run: rounds interleaved, medians, ratios first.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer } from "node:net";
import { createInterface } from "node:readline";
import { setTimeout } from "node:timers/promises";
import autocannon from "autocannon";
import { runProgram } from "../support/program.ts";
import { makeTempDir } from "../support/temp-dir.ts";

const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 3);
const SECONDS = Number(process.env.BENCH_SECONDS ?? 3);
const CONNECTIONS = 50;

interface Load {
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly body?: string;
}

const CONVERSATION = { conversationType: 1, targetId: "2" };
const LOADS: ReadonlyArray<Load> = [
  { method: "GET", path: "/misc/latest_update?version=1.0.0" },
  { method: "GET", path: "/misc/mobile_version" },
  { method: "GET", path: "/misc/client_version" },
  {
    method: "POST",
    path: "/misc/send_message",
    body: JSON.stringify({
      conversationType: "PRIVATE",
      targetId: "2",
      objectName: "RC:TxtMsg",
      content: "hello",
    }),
  },
  {
    method: "POST",
    path: "/misc/set_screen_capture",
    body: JSON.stringify({ ...CONVERSATION, noticeStatus: 1 }),
  },
  { method: "POST", path: "/misc/get_screen_capture", body: JSON.stringify(CONVERSATION) },
  { method: "POST", path: "/misc/send_sc_msg", body: JSON.stringify(CONVERSATION) },
];

const median = (numbers: ReadonlyArray<number>): number =>
  [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN;

const residentMegabytes = async (pid: number | undefined): Promise<number> => {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) / 1024;
};

const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  return typeof address === "object" && address !== null ? address.port : 0;
};

interface Quiet {
  readonly url: string;
  readonly pid: number | undefined;
  readonly end: () => Promise<void>;
}

/** A server that logs errors alone, so not that it listens either: it is asked until it answers. */
const startQuietly = async (variables: Readonly<Record<string, string>>): Promise<Quiet> => {
  const port = await freePort();
  const child = spawn(process.execPath, ["dist/adapters/cli/main.js", "serve"], {
    env: { PATH: process.env.PATH, PORT: String(port), LOG_LEVEL: "error", ...variables },
    stdio: "inherit",
  });
  const url = `http://127.0.0.1:${port}`;
  while (!(await answersAt(`${url}${LOADS[0]?.path}`))) {
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

const print = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

const { dir, remove } = await makeTempDir();
const variables = {
  DATA_DIR: dir,
  RATE_LIMIT: "0",
  MESSAGE_GATEWAY: "log",
};
await runProgram(["friends", "add", "1", "2"], variables);
const token = (await runProgram(["token", "--user", "1"], variables)).stdout.trim();
const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };

const startUps: number[] = [];
const idle: number[] = [];
for (let round = 0; round < ROUNDS; round += 1) {
  const began = performance.now();
  const server = await startQuietly(variables);
  startUps.push(performance.now() - began);
  idle.push(await residentMegabytes(server.pid));
  await server.end();
}

const ours = await startQuietly(variables);
const canned = await Promise.all(
  LOADS.map(async ({ method, path, body }) => {
    const response = await fetch(`${ours.url}${path}`, {
      method,
      headers,
      ...(body === undefined ? {} : { body }),
    });
    const [route = path] = path.split("?");
    return { method, path: route, status: response.status, body: await response.text() };
  }),
);
const bare = spawn(process.execPath, ["dist/test/bench/bare-hapi.js"], {
  env: { ...process.env, ANSWERS: JSON.stringify(canned) },
  stdio: ["ignore", "pipe", "inherit"],
});
const [bareUrl] = await once(createInterface(bare.stdout), "line");

const perSecond = async (base: string, { method, path, body }: Load): Promise<number> => {
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

print(`${ROUNDS} rounds of ${SECONDS} s, ${CONNECTIONS} connections, medians.\n`);
print("| route | of bare hapi | requests/s | bare hapi |");
print("|---|---|---|---|");
for (const load of LOADS) {
  const rates: { readonly ours: number[]; readonly bare: number[] } = { ours: [], bare: [] };
  for (let round = 0; round < ROUNDS; round += 1) {
    rates.bare.push(await perSecond(bareUrl, load));
    rates.ours.push(await perSecond(ours.url, load));
  }
  const [mine, theirs] = [median(rates.ours), median(rates.bare)];
  print(
    `| ${load.method} ${load.path} | **${(mine / theirs).toFixed(2)}** | ${mine.toFixed(0)} | ${theirs.toFixed(0)} |`,
  );
}
print("");
print(`Start-up to the first answer: ${median(startUps).toFixed(0)} ms.`);
print(`Resident memory after the first answer: ${median(idle).toFixed(0)} MB.`);

bare.kill();
await ours.end();
await remove();
