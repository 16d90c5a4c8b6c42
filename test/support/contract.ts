import type { Contract } from "../contract/contract.ts";
import { type Case, casesOf, type Opened } from "./cases.ts";
import { test } from "./test.ts";

export type { Opened } from "./cases.ts";

/** Runs each case as a test of its own. */
export const testCases = (cases: ReadonlyArray<Case>): void => {
  for (const { title, run } of cases) {
    test(title, (t) => t.notThrowsAsync(run()));
  }
};

/** Runs each case of a contract as a test of its own, on a subject of its own. */
export const testContract = <Subject>(
  adapter: string,
  contract: Contract<Subject>,
  open: () => Promise<Opened<Subject>>,
): void => testCases(casesOf(adapter, contract, open));
