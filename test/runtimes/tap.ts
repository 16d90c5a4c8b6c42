import type { Case } from "../support/cases.ts";

// Some write a thousand times, beside all else that a gate runs.
const LONGEST_MS = 60_000;

/** How many cases run at once: most wait, for a disk or for a cloud that hangs. */
const LANES = 8;

const within = async (ms: number, run: () => Promise<void>): Promise<void> => {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`not within ${ms} ms`)), ms);
  });
  await Promise.race([run(), late]).finally(() => clearTimeout(timer));
};

const lineOf = async ({ title, run }: Case, number: number): Promise<string> => {
  const point = `${number} - ${title.replace(/[\\#]/g, "\\$&")}`;
  try {
    await within(LONGEST_MS, run);
    return `ok ${point}\n`;
  } catch (fault) {
    const why = fault instanceof Error ? (fault.stack ?? fault.message) : String(fault);
    return `not ok ${point}\n${why.replace(/^/gm, "  # ")}\n`;
  }
};

/** Runs cases, and reports each in the Test Anything Protocol, in their order. */
export const reportOn = async (cases: ReadonlyArray<Case>): Promise<string> => {
  const lines: string[] = [];
  const waiting = cases.entries();
  const lane = async (): Promise<void> => {
    for (const [index, one] of waiting) {
      lines[index] = await lineOf(one, index + 1);
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  return lines.join("");
};
