import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { createInterface } from "node:readline";

/** A host that answers nobody who knocks, not even that there is nobody. */
export interface DeafHost {
  readonly url: string;
  readonly close: () => Promise<void>;
}

const QUEUE = 1;

// It listens, and never gets to accept: the kernel keeps as many as the queue holds, and drops the rest.
const PROGRAM = `
  const server = require("node:net").createServer();
  server.listen({ port: 0, host: "127.0.0.1", backlog: ${QUEUE} }, () => {
    require("node:fs").writeSync(1, server.address().port + "\\n");
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  });
`;

/** Starts a {@link DeafHost}, a process of its own, on a free port. */
export const startDeafHost = async (): Promise<DeafHost> => {
  const child = spawn(process.execPath, ["-e", PROGRAM], { stdio: ["ignore", "pipe", "inherit"] });
  const exited = once(child, "exit");
  const port = await portFrom(child);
  const waiting: Socket[] = [];
  // Linux keeps one more than it was told.
  while (waiting.length <= QUEUE) {
    const socket = connect(port, "127.0.0.1");
    socket.on("error", () => {});
    await once(socket, "connect");
    waiting.push(socket);
  }
  return {
    url: `http://127.0.0.1:${port}`,
    close: async () => {
      child.kill("SIGKILL");
      await exited;
      for (const socket of waiting) {
        socket.destroy();
      }
    },
  };
};

const portFrom = async ({ stdout }: Pick<ChildProcess, "stdout">): Promise<number> => {
  if (stdout === null) {
    throw new Error("nothing to read the port from");
  }
  const [line] = await once(createInterface(stdout), "line");
  return Number(line);
};
