import * as E from "fp-ts/lib/Either.js";
import { pipe } from "fp-ts/lib/function.js";
import * as O from "fp-ts/lib/Option.js";
import * as t from "io-ts";
import type { ReasonCount } from "../../core/mod.ts";
import type { Attempted, Environment } from "./environment.ts";

/** Reads a {@link ReasonCount}. */
export const Tally: t.Type<ReasonCount, unknown, unknown> = t.type({
  state: t.union([t.literal("postponed"), t.literal("dead")]),
  reason: t.string,
  count: t.number,
});

/** Numbers that writes keep up to date, so that nobody has to count. */
export interface Tallies {
  /** Reads a count; what it answers changes that, and may be called once, within the same write. */
  readonly change: (
    state: ReasonCount["state"],
    reason: string | undefined,
    by: number,
  ) => Attempted<() => void>;
  readonly all: () => Attempted<ReadonlyArray<ReasonCount>>;
}

/** How many notices are in which state, by the reason. */
export const makeTallies = ({ table }: Environment): Tallies => {
  const tallies = table("tallies", Tally);
  return {
    change: (state, reason, by) =>
      reason === undefined
        ? E.right(() => {})
        : pipe(
            tallies.get([state, reason]),
            E.map(
              O.match(
                () => by,
                ({ count }) => count + by,
              ),
            ),
            E.map((count) => () => {
              if (count === 0) {
                tallies.remove([state, reason]);
              } else {
                tallies.put([state, reason], { state, reason, count });
              }
            }),
          ),
    all: () => tallies.values({}),
  };
};
