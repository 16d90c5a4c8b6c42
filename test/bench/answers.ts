/** What a server answers, so that a bare one can answer the same bytes. */
import { isDeepStrictEqual } from "node:util";
import type { Defer } from "./cleanup.ts";
import { type Measured, startChild } from "./processes.ts";
import type { Headers, Load } from "./requests.ts";

/** An answer, without what differs from one to the next. */
export interface Answer {
  readonly method: Load["method"];
  readonly path: string;
  readonly status: number;
  readonly headers: Headers;
  readonly body: string;
  readonly command?: readonly [string, ...string[]];
}

// The connection's and the moment's.
const UNLIKE = ["connection", "date", "keep-alive", "transfer-encoding"];

/** A request's id as ours makes them, the same each time. */
const REQUEST_ID = "00000000-0000-4000-8000-000000000000";

/** Asks for what a load asks for, once. */
export const answerOf = async (
  { url }: Pick<Measured, "url">,
  { method, path, bodies: [body], command }: Load,
  headers: Headers,
): Promise<Answer> => {
  const response = await fetch(`${url}${path}`, {
    method,
    // As the load generator, which takes no compressed answer.
    headers: { "accept-encoding": "identity", ...(method === "POST" ? headers : {}) },
    ...(body === undefined ? {} : { body }),
  });
  const text = await response.text();
  if (!response.ok) {
    throw new Error(`${path} at ${url}: ${response.status} ${text}`);
  }
  const [route = path] = path.split("?");
  const kept = [...response.headers].filter(([name]) => !UNLIKE.includes(name));
  return {
    method,
    path: route,
    status: response.status,
    headers: { ...Object.fromEntries(kept), "x-request-id": REQUEST_ID },
    body: text,
    ...(command === undefined ? {} : { command }),
  };
};

/** Makes sure that all answer a load alike. */
export const assertAlike = async (
  servers: ReadonlyArray<Measured>,
  load: Load,
  headers: Headers,
): Promise<void> => {
  const [first, ...others] = await Promise.all(
    servers.map((server) => answerOf(server, load, headers)),
  );
  for (const other of others) {
    if (!isDeepStrictEqual(other, first)) {
      throw new Error(
        `${load.path}: ${JSON.stringify(other)} is not ${JSON.stringify(first)}, so nothing is compared`,
      );
    }
  }
};

/** A bare server that answers each load with the bytes that ours answers it with. */
export const startBare = async (
  defer: Defer,
  kind: "bare-node" | "bare-hapi",
  ours: Measured,
  loads: ReadonlyArray<Load>,
  headers: Headers,
  redisUrl = "",
): Promise<Measured> => {
  const answers = await answersOf(ours, loads, headers);
  return startChild(defer, kind, { ANSWERS: JSON.stringify(answers), REDIS_URL: redisUrl });
};

// A status is set before it is read, so that every store answers the same.
const firstOfEachPath = (loads: ReadonlyArray<Load>): ReadonlyArray<Load> =>
  loads.filter(({ path }, index) => loads.findIndex((other) => other.path === path) === index);

/** What a server answers to each path of some loads. */
export const answersOf = async (
  server: Measured,
  loads: ReadonlyArray<Load>,
  headers: Headers,
): Promise<ReadonlyArray<Answer>> => {
  const answers: Answer[] = [];
  for (const load of firstOfEachPath(loads)) {
    answers.push(await answerOf(server, load, headers));
  }
  return answers;
};
