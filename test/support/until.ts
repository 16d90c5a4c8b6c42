import { setTimeout as delay } from "node:timers/promises";

const PAUSE_MS = 20;
const PATIENCE_MS = 20_000;

/** Asks until the answer is yes: for what announces itself by no event. A failed question is a no. */
export const until = async (what: string, question: () => Promise<boolean>): Promise<void> => {
  const end = AbortSignal.timeout(PATIENCE_MS);
  while (!(await question().catch(() => false))) {
    if (end.aborted) {
      throw new Error(`not in time: ${what}`);
    }
    await delay(PAUSE_MS);
  }
};
