import test from "ava";
import type { Contract } from "../contract/contract.ts";

/** A subject for one case, and how to be rid of it. */
export interface Opened<Subject> {
  readonly subject: Subject;
  readonly close: () => Promise<void>;
}

/** Runs each case of a contract as a test of its own, on a subject of its own. */
export const testContract = <Subject>(
  adapter: string,
  contract: Contract<Subject>,
  open: () => Promise<Opened<Subject>>,
): void => {
  for (const { title, run } of contract) {
    test(`${adapter}: ${title}`, async (t) => {
      const { subject, close } = await open();
      try {
        await t.notThrowsAsync(run(subject));
      } finally {
        await close();
      }
    });
  }
};
