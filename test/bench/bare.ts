/** Servers that only answer, to compare ours with. */
import assert from "node:assert/strict";
import type { Load } from "./loads.ts";
import { type Server, startChild } from "./processes.ts";

/** An answer, without the headers that differ from one to the next. */
export type Answer = Pick<Load, "path" | "headers"> &
  Readonly<{ method: "GET" | "POST"; status: number; body: string }>;

const VARYING = ["connection", "date", "keep-alive", "transfer-encoding"];
const FIXED = { "x-request-id": "00000000-0000-4000-8000-000000000000" };

const answersOf = async (server: Server, loads: ReadonlyArray<Load>) => {
  const answers: Answer[] = [];
  for (const { path, headers, body } of loads) {
    const url = new URL(path, server.url);
    const method = body === undefined ? "GET" : "POST";
    // The load generators accept no compressed answers either.
    const sent = { ...headers, "accept-encoding": "identity" };
    const response = await fetch(url, { method, headers: sent, body: body ?? null });
    const [{ status }, text] = [response, await response.text()];
    assert.ok(response.ok, `${url} answered ${status}: ${text}`);
    const kept = [...response.headers].filter(([name]) => !VARYING.includes(name));
    const fixed = { ...Object.fromEntries(kept), ...FIXED };
    answers.push({ method, path: url.pathname, status, headers: fixed, body: text });
  }
  return answers;
};

/** Starts servers on node:http and on Hapi that answer as ours do, and checks all answers. */
export const startBare = async (
  loads: ReadonlyArray<Load>,
  ours: ReadonlyArray<Server>,
): Promise<{ readonly node: Server; readonly hapi: Server }> => {
  const [wanted, ...others] = await Promise.all(ours.map((server) => answersOf(server, loads)));
  const env = { ANSWERS: JSON.stringify(wanted) };
  const [node, hapi] = [await startChild("node", env), await startChild("hapi", env)];
  for (const found of [...others, await answersOf(node, loads), await answersOf(hapi, loads)]) {
    assert.deepEqual(found, wanted);
  }
  return { node, hapi };
};
