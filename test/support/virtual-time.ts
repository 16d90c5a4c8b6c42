import { setImmediate } from "node:timers/promises";

/** Time that a test advances, for code that takes its clock and its timer as arguments. */
export interface VirtualTime {
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Calls `ring` after `ms` milliseconds, unless the caller cancels it with what this returns. */
  readonly after: (ms: number, ring: () => void) => () => void;
  /** Advances the time from alarm to alarm; everything settles before each of them. */
  readonly advance: (ms: number) => Promise<void>;
  /** Runs a call that may do real I/O, for which {@link VirtualTime.settleDown} waits. */
  readonly during: <A>(call: () => Promise<A>) => Promise<A>;
  /** Waits until every call is answered, including the calls that an answer causes. */
  readonly settleDown: () => Promise<void>;
}

const BEGINNING = 1_700_000_000_000;

/** Makes a {@link VirtualTime} that begins in November 2023. */
export const makeVirtualTime = (): VirtualTime => {
  const alarms = new Set<{ readonly at: number; readonly ring: () => void }>();
  let now = BEGINNING;
  let calls = 0;
  let onIdle = (): void => {};

  const nextUntil = (end: number) =>
    [...alarms].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];

  const settleDown = async (): Promise<void> => {
    do {
      if (calls > 0) {
        await new Promise<void>((resolve) => {
          onIdle = resolve;
        });
      }
      // The effects of an answer are all promises: they have happened a turn later.
      await setImmediate();
    } while (calls > 0);
  };

  return {
    now: () => now,
    after: (ms, ring) => {
      const alarm = { at: now + ms, ring };
      alarms.add(alarm);
      return () => {
        alarms.delete(alarm);
      };
    },
    advance: async (ms) => {
      const end = now + ms;
      await settleDown();
      for (let next = nextUntil(end); next !== undefined; next = nextUntil(end)) {
        now = Math.max(now, next.at);
        alarms.delete(next);
        next.ring();
        await settleDown();
      }
      now = end;
    },
    during: async (call) => {
      calls += 1;
      try {
        return await call();
      } finally {
        calls -= 1;
        if (calls === 0) {
          onIdle();
        }
      }
    },
    settleDown,
  };
};
