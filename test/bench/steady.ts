/**
 * An open-loop load generator. It sends at a fixed rate and measures each answer from when its request
 * was due, so a pause of the server counts in every request that was due in it. wrk cannot do that.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { createHistogram } from "node:perf_hooks";
import { setImmediate } from "node:timers/promises";
import type { Load } from "./loads.ts";
import type { Server } from "./processes.ts";
import { CONNECTIONS, type Figures } from "./wrk.ts";

const isComplete = (answer: string): boolean => {
  const end = answer.indexOf("\r\n\r\n");
  const length = Number(/^content-length: (\d+)/im.exec(answer)?.[1]);
  assert.ok(end < 0 || (answer.startsWith("HTTP/1.1 2") && length >= 0), answer);
  return end >= 0 && answer.length >= end + 4 + length;
};

/** Sends the loads in turn, `rate` requests a second. `late` is the p99 of the generator's delay. */
export const steady = async (
  { url }: Server,
  loads: ReadonlyArray<Load>,
  rate: number,
  seconds: number,
): Promise<Figures> => {
  const total = Math.round(rate * seconds);
  const [times, lateness] = [createHistogram(), createHistogram()];
  const idle: Array<() => void> = [];
  let [began, due, sent, answered] = [0, 0, 0, 0];
  const msLate = (number: number): number => performance.now() - began - (number * 1_000) / rate;

  const open = async (): Promise<Socket> => {
    const { hostname: host, port } = new URL(url);
    const socket = connect({ host, port: Number(port), noDelay: true }).setEncoding("latin1");
    let [number, answer] = [0, ""];
    const send = (): void => {
      [number, answer] = [sent, ""];
      sent += 1;
      const requests = loads[number % loads.length]?.requests ?? [];
      socket.write(requests[Math.floor(number / loads.length) % requests.length] ?? "");
    };
    socket.on("data", (chunk) => {
      answer += chunk;
      if (isComplete(answer)) {
        times.record(Math.ceil(msLate(number) * 1e6));
        answered += 1;
        idle.push(send);
      }
    });
    socket.once("end", () => assert.fail(`${url} closed a connection.`));
    await once(socket, "connect");
    idle.push(send);
    return socket;
  };

  const sockets = await Promise.all(Array.from({ length: CONNECTIONS }, open));
  began = performance.now();
  // A timer would be up to a millisecond late, so the loop reads the clock instead.
  for (; answered < total; await setImmediate()) {
    for (; due < total && msLate(due) > 0; due += 1) {
      lateness.record(Math.ceil(msLate(due) * 1e6));
    }
    while (sent < due && idle.length > 0) {
      idle.pop()?.();
    }
  }
  for (const socket of sockets) {
    socket.destroy();
  }
  const at = (percent: number): number => times.percentile(percent) / 1e6;
  return { p50: at(50), p99: at(99), p999: at(99.9), late: lateness.percentile(99) / 1e6 };
};
