/** Servers under the same load in turn. */
import type { Generator } from "./generator.ts";
import { drained } from "./metrics.ts";
import type { Measured } from "./processes.ts";
import type { Load } from "./requests.ts";
import { ROUNDS } from "./settings.ts";
import { median, ratio } from "./statistics.ts";

/** A server in a comparison. */
export interface Contestant {
  readonly server: Measured;
  /** Ours delivers notices once it answered, and is left alone until it has. */
  readonly delivers?: boolean;
}

/** What came of one load: requests a second, and how one did beside another. */
export interface Compared<Name extends string> {
  readonly perSecond: (name: Name) => number;
  readonly of: (name: Name, other: Name) => number;
}

/** Loads each server in each round. */
export const compare = async <Name extends string>(
  { saturate }: Generator,
  contestants: ReadonlyArray<readonly [Name, Contestant]>,
  load: Load,
): Promise<Compared<Name>> => {
  const rates = new Map<Name, number[]>(contestants.map(([name]) => [name, []]));
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const [name, { server, delivers = false }] of contestants) {
      const { perSecond } = await saturate(server, load);
      rates.get(name)?.push(perSecond);
      if (delivers && load.method === "POST") {
        await drained(server);
      }
    }
  }
  const ratesOf = (name: Name): ReadonlyArray<number> => rates.get(name) ?? [];
  return {
    perSecond: (name) => median(ratesOf(name)),
    of: (name, other) => ratio(ratesOf(name), ratesOf(other)),
  };
};
