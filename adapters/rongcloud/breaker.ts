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
  /** Until then what failed is suspect, in milliseconds since the epoch. */
  readonly until: number;
}

/** How many failures in a row open a breaker, and how long it then stays open. */
export interface BreakerRule {
  readonly threshold: number;
  /** After the first failure, in milliseconds; it doubles with each further one. */
  readonly firstPause: number;
  readonly longestPause: number;
}

/** Nothing has failed. */
export const CLOSED: Breaker = { failures: 0, until: 0 };

/** Whether it failed a moment ago: another is to be preferred. */
export const isSuspect = ({ until }: Breaker, now: number): boolean => now < until;

/** Milliseconds until a call is let through; 0: now. */
export const openFor = ({ threshold }: BreakerRule, breaker: Breaker, now: number): number =>
  breaker.failures >= threshold ? Math.max(0, breaker.until - now) : 0;

/** Lets a call through: if the breaker was open, no other until `until`, or until this has ended. */
export const entered = ({ threshold }: BreakerRule, breaker: Breaker, until: number): Breaker =>
  breaker.failures >= threshold ? { ...breaker, until } : breaker;

/** A call failed. */
export const failed = (
  { firstPause, longestPause }: BreakerRule,
  { failures }: Breaker,
  now: number,
): Breaker => ({
  failures: failures + 1,
  until: now + Math.min(longestPause, firstPause * 2 ** failures),
});
