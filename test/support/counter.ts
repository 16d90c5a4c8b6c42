/** A number of events, for tests that wait until enough of them have happened. */
export interface Counter {
  readonly add: () => void;
  readonly count: () => number;
  /** Resolves once `count` events have happened, counted from the start. */
  readonly when: (count: number) => Promise<void>;
}

/** Starts a {@link Counter} at 0. */
export const makeCounter = (): Counter => {
  const waiting = new Set<{ readonly from: number; readonly resolve: () => void }>();
  let count = 0;
  return {
    add: () => {
      count += 1;
      for (const waiter of [...waiting].filter(({ from }) => from <= count)) {
        waiting.delete(waiter);
        waiter.resolve();
      }
    },
    count: () => count,
    when: (from) =>
      from <= count ? Promise.resolve() : new Promise((resolve) => waiting.add({ from, resolve })),
  };
};
