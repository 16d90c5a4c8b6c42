import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { createInterface } from "node:readline";
import { makeTempDir } from "./temp-dir.ts";

/** A real redis-server on a free port of this machine. */
export interface RedisServer {
  readonly port: number;
  readonly url: string;
  readonly signal: (signal: NodeJS.Signals) => void;
  readonly close: () => Promise<void>;
}

// Below the ports that the kernel gives to outgoing connections: one of those took a port between
// this look at it and the start of its server.
const [LOWEST_PORT, PORTS] = [12_000, 20_000];
const given = new Set<number>();

/** A port that nobody listens on, another each time. */
export const freePort = async (): Promise<number> => {
  for (;;) {
    const port = LOWEST_PORT + Math.floor(Math.random() * PORTS);
    if (given.has(port)) {
      continue;
    }
    given.add(port);
    const server = createServer().listen(port, "127.0.0.1");
    const free = await once(server, "listening").then(
      () => true,
      () => false,
    );
    if (free) {
      server.close();
      await once(server, "close");
      return port;
    }
  }
};

/** Starts a redis-server and waits until it takes connections. */
export const startRedisServer = async (...options: ReadonlyArray<string>): Promise<RedisServer> => {
  const { dir, remove } = await makeTempDir();
  const port = await freePort();
  const child = spawn(
    "redis-server",
    ["--port", String(port), "--bind", "127.0.0.1", "--dir", dir, "--save", "", ...options],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  const ended = once(child, "close");
  const lines = createInterface(child.stdout);
  await new Promise<void>((resolve, reject) => {
    lines.on("line", (line) => {
      if (line.includes("Ready to accept connections")) {
        resolve();
      }
    });
    child.once("error", reject);
    child.once("close", (code) => reject(new Error(`redis-server ended with ${code}`)));
  });
  return {
    port,
    url: `redis://127.0.0.1:${port}`,
    signal: (signal) => child.kill(signal),
    close: async () => {
      child.kill("SIGKILL");
      await ended;
      await remove();
    },
  };
};
