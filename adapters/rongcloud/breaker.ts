/**
 * A circuit breaker: what keeps failing is left alone for a while, and then tried by one alone.
 *
 * Ours, because the moment at which it will let a call through again has to be known (the relay
 * waits for it), and because its clock has to be the caller's.
 *
 * @module
 */

/** What a breaker remembers. */
export interface Breaker {
  /** Failures since the last success. */
  readonly failures: number;
  /** How often it has opened since then. */
  readonly trips: number;
  /** Until then what failed is suspect, in milliseconds of a clock that never goes back. */
  readonly until: number;
  /** Whether one call is let through, to see. */
  readonly probing: boolean;
}

/** How many failures in a row open a breaker, and for how long. */
export interface BreakerRule {
  readonly threshold: number;
  /** In milliseconds, the first time; it doubles each time that a probe fails. */
  readonly firstPause: number;
  readonly longestPause: number;
}

/** Nothing has failed. */
export const CLOSED: Breaker = { failures: 0, trips: 0, until: 0, probing: false };

/** Whether it failed a moment ago: another is to be preferred. */
export const isSuspect = ({ until }: Breaker, now: number): boolean => now < until;

const hasOpened = ({ threshold }: BreakerRule, { failures }: Breaker): boolean =>
  failures >= threshold;

/** Milliseconds until a call is let through; 0: now. */
export const openFor = (rule: BreakerRule, breaker: Breaker, now: number): number =>
  hasOpened(rule, breaker) ? Math.max(0, breaker.until - now) : 0;

/** Lets a call through: if the breaker had opened, no other until `until`, or until this has ended. */
export const entered = (rule: BreakerRule, breaker: Breaker, until: number): Breaker =>
  hasOpened(rule, breaker) ? { ...breaker, until, probing: true } : breaker;

/** A call failed. */
export const failed = (rule: BreakerRule, breaker: Breaker, now: number): Breaker => {
  const failures = breaker.failures + 1;
  if (failures < rule.threshold) {
    return { ...breaker, failures, until: now + rule.firstPause };
  }
  // Of many calls that fail together those that began before it opened say nothing new.
  if (hasOpened(rule, breaker) && !breaker.probing && now < breaker.until) {
    return breaker;
  }
  const pause = Math.min(rule.longestPause, rule.firstPause * 2 ** breaker.trips);
  return { failures, trips: breaker.trips + 1, until: now + pause, probing: false };
};
