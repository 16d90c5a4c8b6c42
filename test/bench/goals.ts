/** What the bench should find, all in one place. */

/** A bound for a figure. */
export interface Goal {
  readonly atLeast?: number;
  readonly under?: number;
}

type Goals = Readonly<Record<string, Goal>>;

/** By route: requests a second, of bare Hapi's in the same round. */
export const OF_HAPI: Readonly<Record<"sqlite" | "redis", Goals>> = {
  sqlite: {
    mobile_version: { atLeast: 0.9 },
    client_version: { atLeast: 0.9 },
    latest_update: { atLeast: 0.85 },
    get_screen_capture: { atLeast: 0.75 },
    set_screen_capture: { atLeast: 0.4 },
  },
  redis: {
    get_screen_capture: { atLeast: 0.55 },
    set_screen_capture: { atLeast: 0.3 },
  },
};

/** By route: what the fetch face answers on Node, of bare node:http. */
export const FETCH_OF_NODE: Goals = {
  latest_update: { atLeast: 0.6 },
  mobile_version: { atLeast: 0.6 },
  client_version: { atLeast: 0.6 },
};

/** What a use case may add to an awaited function that does nothing, in nanoseconds. */
export const USE_CASE_NS: Goal = { under: 5_000 };

/** Until the first answer, in milliseconds. */
export const START_UP_MS: Goal = { under: 400 };

/** Resident once it idles, in megabytes. */
export const IDLE_MB: Goal = { under: 100 };

/** Whether a figure is as it should be, for a table. */
export const verdict = (value: number, goal: Goal | undefined, unit = ""): string => {
  const { atLeast, under } = goal ?? {};
  if (atLeast !== undefined) {
    return `≥ ${atLeast.toFixed(2)}${unit}: ${value >= atLeast ? "met" : "**not met**"}`;
  }
  return under === undefined
    ? ""
    : `< ${under.toLocaleString("en")}${unit}: ${value < under ? "met" : "**not met**"}`;
};
