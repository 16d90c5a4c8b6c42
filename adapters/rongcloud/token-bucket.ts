/**
 * A token bucket that never lets more through than RongCloud's limit in any span as long as the
 * limit's own: a tenth of the limit at once, the rest evenly. It keeps one number, the moment at
 * which it will be full again, as the generic cell rate algorithm does.
 *
 * @module
 */

/** So many calls in so many milliseconds. */
export interface Limit {
  readonly calls: number;
  readonly perMs: number;
}

/** Tokens, each for one call; times are in milliseconds of a clock that never goes back. */
export interface TokenBucket {
  /** Milliseconds until there is a token; 0: there is one. */
  readonly wait: (now: number) => number;
  /** Takes a token: the one of now, or the next that nobody has taken, which is good after `wait`. */
  readonly take: (now: number) => void;
  /** Has no token before `until`. */
  readonly hold: (until: number) => void;
}

/** A full bucket that keeps a limit. */
export const makeTokenBucket = ({ calls, perMs }: Limit): TokenBucket => {
  const capacity = Math.max(1, Math.floor(calls / 10));
  const interval = perMs / (calls - capacity + 1);
  let fullAt = 0;
  return {
    wait: (now) => Math.max(0, fullAt - (capacity - 1) * interval - now),
    take: (now) => {
      fullAt = Math.max(fullAt, now) + interval;
    },
    hold: (until) => {
      fullAt = Math.max(fullAt, until + (capacity - 1) * interval);
    },
  };
};
