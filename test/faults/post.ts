/**
 * A program that posts, and stops itself when it is told to. From then on its last request has a
 * deadline.
 */
import { writeSync } from "node:fs";
import { makeKeepAliveFetch } from "../../adapters/undici/mod.ts";

const [ca = "", deadlineMs = "", ...urls] = process.argv.slice(2);
const { fetch } = makeKeepAliveFetch({
  connections: 1,
  connectMs: 20_000,
  ...(ca === "" ? {} : { ca }),
});
const deadline = new AbortController();

const post = async (url: string, index: number): Promise<string> => {
  const signal = index === urls.length - 1 ? deadline.signal : null;
  try {
    const { status } = await fetch(url, { method: "POST", body: "a=b", signal });
    return String(status);
  } catch (fault) {
    return fault instanceof Error ? fault.name : String(fault);
  }
};

const STDOUT = 1;

// It stops among the timers: the next that the loop does is to poll. A process that is stopped from
// outside mostly waits there already, and on Linux runs its timers first when it goes on, since the
// wait was interrupted.
process.stdin.once("data", () => {
  const late = AbortSignal.timeout(Number(deadlineMs));
  late.addEventListener("abort", () => deadline.abort(late.reason));
  setTimeout(() => {
    writeSync(STDOUT, "\n");
    process.kill(process.pid, "SIGSTOP");
  });
});

const outcomes = await Promise.all(urls.map(post));
process.stdin.destroy();
writeSync(STDOUT, JSON.stringify(outcomes));
