/** Everything that was started ends, whatever happens: last first, a signal included. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

type End = () => Promise<unknown>;

/** Has something ended when the section is over. */
export type Defer = (end: End) => void;

const open = new Set<End[]>();

const endAll = async (ends: End[]): Promise<void> => {
  open.delete(ends);
  for (const end of ends.reverse()) {
    await end().catch((fault) => process.stderr.write(`not ended: ${fault}\n`));
  }
};

/** Runs what starts things, and then ends them. */
export const withCleanup = async <A>(use: (defer: Defer) => Promise<A>): Promise<A> => {
  const ends: End[] = [];
  open.add(ends);
  try {
    return await use((end) => ends.push(end));
  } finally {
    await endAll(ends);
  }
};

// Every helper's folder is in this one, so that none outlives the process.
const root = mkdtempSync(join(tmpdir(), "bench-"));
process.env.TMPDIR = root;
process.once("exit", () => rmSync(root, { recursive: true, force: true }));

for (const signal of ["SIGINT", "SIGTERM"]) {
  process.once(signal, async () => {
    for (const ends of [...open].reverse()) {
      await endAll(ends);
    }
    process.exit(1);
  });
}
