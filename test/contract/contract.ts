/**
 * What a contract suite is: cases as data, for any test runner. A case gets a fresh subject and
 * fails by throwing.
 */
export interface ContractCase<Subject> {
  /** The sentence of the port's comment that the case checks. */
  readonly title: string;
  readonly run: (subject: Subject) => Promise<void>;
}

/** All the cases of one port. */
export type Contract<Subject> = ReadonlyArray<ContractCase<Subject>>;
