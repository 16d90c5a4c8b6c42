import type { Contract } from "../contract/contract.ts";

/** A subject for one case, and how to be rid of it. */
export interface Opened<Subject> {
  readonly subject: Subject;
  readonly close: () => Promise<void>;
}

/** A case of a contract on an adapter, for any test runner of any runtime. */
export interface Case {
  readonly title: string;
  readonly run: () => Promise<void>;
}

/** The cases of a contract, each on a subject of its own. */
export const casesOf = <Subject>(
  adapter: string,
  contract: Contract<Subject>,
  open: () => Promise<Opened<Subject>>,
): ReadonlyArray<Case> =>
  contract.map(({ title, run }) => ({
    title: `${adapter}: ${title}`,
    run: async () => {
      const { subject, close } = await open();
      try {
        await run(subject);
      } finally {
        await close();
      }
    },
  }));
