/** A server of several processes, as it is seen from outside: who answered is in its log. */
import { once } from "node:events";
import { Agent, type IncomingMessage, request } from "node:http";
import { type Command, MAIN, type ServerProcess } from "./program.ts";

/** Serves with so many workers. */
export const withWorkers = (workers: number): Command => [
  process.execPath,
  MAIN,
  "serve",
  "--workers",
  String(workers),
];

/** What is asked, and how. */
export interface Visit {
  readonly token?: string;
  /** With a body it is a POST. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** Keeps the connection, and with it the worker; without it, whichever is free answers. */
  readonly agent?: Agent;
}

/** An answer, and the worker that gave it. */
export interface Visited {
  readonly status: number | undefined;
  readonly text: string;
  readonly worker: number;
}

/** Keeps one connection, so that one worker answers all. */
export const onOneConnection = (): Agent => new Agent({ keepAlive: true, maxSockets: 1 });

/** Asks a server, and finds in its log which worker answered. */
export const visit = async (
  server: ServerProcess,
  path: string,
  { token, body, headers = {}, agent }: Visit = {},
): Promise<Visited> => {
  const asking = request(`${server.url}${path}`, {
    method: body === undefined ? "GET" : "POST",
    agent: agent ?? false,
    headers: {
      ...headers,
      ...(body === undefined ? {} : { "content-type": "application/json" }),
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
  });
  asking.end(body === undefined ? undefined : JSON.stringify(body));
  const [answer]: IncomingMessage[] = await once(asking, "response");
  if (answer === undefined) {
    throw new Error(`no answer from ${path}`);
  }
  const chunks: Buffer[] = [];
  for await (const chunk of answer) {
    chunks.push(chunk);
  }
  const requestId = answer.headers["x-request-id"];
  const { pid } = await server.line((line) => line.requestId === requestId);
  return {
    status: answer.statusCode,
    text: Buffer.concat(chunks).toString(),
    worker: Number(pid),
  };
};

/** Each of so many workers once, on a connection that leads to it. */
export const eachWorker = async (
  server: ServerProcess,
  workers: number,
): Promise<ReadonlyMap<number, Agent>> => {
  const found = new Map<number, Agent>();
  // They are given connections in turn; one that is busy at first has its turn later.
  for (let asked = 0; found.size < workers && asked < 20 * workers; asked += 1) {
    const agent = onOneConnection();
    const { worker } = await visit(server, "/healthz", { agent });
    if (found.has(worker)) {
      agent.destroy();
    } else {
      found.set(worker, agent);
    }
  }
  return found;
};

/** The workers that the primary has started in the place of others, so far. */
export const replacementsIn = ({ lines }: ServerProcess): ReadonlyArray<number> =>
  lines
    .filter(({ msg }) => String(msg).startsWith("a worker took the place"))
    .map(({ worker }) => Number(worker));

/** Kills a worker, and waits until another serves in its place. */
export const killAndReplace = async (server: ServerProcess, worker: number): Promise<number> => {
  const before = replacementsIn(server).length;
  process.kill(worker, "SIGKILL");
  await server.line(
    (line) => String(line.msg).startsWith("a worker ended") && line.worker === worker,
  );
  await server.line(() => replacementsIn(server).length > before);
  return replacementsIn(server)[before] ?? 0;
};

/** Waits until the primary and every worker have ended: they hold the same output. */
export const allGone = async ({ child }: ServerProcess): Promise<void> => {
  await once(child, "close");
};
