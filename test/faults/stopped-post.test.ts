import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer as createHttpServer } from "node:http";
import { setTimeout as wait } from "node:timers/promises";
import { createServer as createTlsServer } from "node:tls";
import { makeCertificate } from "../support/certificate.ts";
import { listen } from "../support/fake-rongcloud.ts";
import { closeOf, portOf, startGate } from "../support/gate.ts";
import { type ExecutionContext, test } from "../support/test.ts";

// The only real time here: a deadline passes in a stopped process only if it passes. It begins just
// before the process stops, so it can be short.
const DEADLINE_MS = 20;

const FAR_MS = 20_000;

interface Poster {
  /** Has it stop, and waits until its deadline has passed, if that is near. */
  readonly stop: () => Promise<void>;
  /** Has it go on, and tells what became of its requests: a status, or the name of the error. */
  readonly goOn: () => Promise<unknown>;
}

const startPoster = (
  t: ExecutionContext,
  deadlineMs: number,
  ca: string,
  ...urls: ReadonlyArray<string>
): Poster => {
  const args = ["dist/test/faults/post.js", ca, `${deadlineMs}`, ...urls];
  const child = spawn(process.execPath, args, { stdio: ["pipe", "pipe", "inherit"] });
  t.teardown(() => child.kill("SIGKILL"));
  const chunks: Buffer[] = [];
  child.stdout.on("data", (chunk) => chunks.push(chunk));
  const ended = once(child, "close");
  return {
    stop: async () => {
      const stopping = once(child.stdout, "data");
      child.stdin.write("stop");
      await stopping;
      if (deadlineMs === DEADLINE_MS) {
        await wait(DEADLINE_MS);
      }
    },
    goOn: async () => {
      // It says that it stops before it does: once may be too early.
      const again = setInterval(() => child.kill("SIGCONT"), 10);
      await ended;
      clearInterval(again);
      return JSON.parse(Buffer.concat(chunks).toString());
    },
  };
};

for (const [what, deadlineMs, outcome, said] of [
  ["nothing of a request whose deadline passed meanwhile", DEADLINE_MS, "TimeoutError", 0],
  ["a request that still has time", FAR_MS, "200", 1],
] as const) {
  test(`of a process that was stopped in the handshake a server hears ${what}`, async (t) => {
    const { key, cert } = await makeCertificate();
    let requests = 0;
    const server = createTlsServer({ key, cert }, (socket) => {
      // That the client is gone is what is looked for.
      socket.on("error", () => {});
      socket.on("data", () => {
        requests += 1;
        socket.end("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
      });
    });
    const port = await portOf(server);
    const gate = await startGate();
    const poster = startPoster(t, deadlineMs, cert, `https://127.0.0.1:${gate.port}`);
    await gate.knocked();
    await poster.stop();
    await gate.open(port);
    t.deepEqual(await poster.goOn(), [outcome]);
    await gate.closed;
    await closeOf(server);
    t.is(requests, said);
  });

  test(`of a process that was stopped with all connections taken a server hears ${what}`, async (t) => {
    const heard: Array<string | undefined> = [];
    const server = createHttpServer((request, response) => {
      heard.push(request.url);
      if (request.url === "/second") {
        response.end();
      }
    });
    const { url, close } = await listen(server);
    const poster = startPoster(t, deadlineMs, "", `${url}/first`, `${url}/second`);
    const [, response] = await once(server, "request");
    await poster.stop();
    const answered = once(response, "finish");
    response.end();
    await answered;

    t.deepEqual(await poster.goOn(), ["200", outcome]);
    await close();
    t.is(heard.length, 1 + said);
  });
}
