/** What every section of the bench is given. */
import type { Defer } from "./cleanup.ts";
import type { Generator } from "./generator.ts";
import type { Report } from "./report.ts";
import type { Headers } from "./requests.ts";

export interface Bench {
  readonly report: Report;
  readonly generator: Generator;
  readonly headers: Headers;
  /** Ends something when the section is over. */
  readonly defer: Defer;
  /** Requests a second that an earlier section had of ours on sqlite, by load. */
  readonly capacities: Map<string, number>;
}

export type Section = (bench: Bench) => Promise<void>;
