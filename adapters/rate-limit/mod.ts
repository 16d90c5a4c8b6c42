/**
 * How much one user may ask for, on rate-limiter-flexible.
 *
 * @module
 */
import * as O from "fp-ts/lib/Option.js";
import type { Task } from "fp-ts/lib/Task.js";
import * as T from "fp-ts/lib/Task.js";
import { RateLimiterMemory, RateLimiterRes } from "rate-limiter-flexible";
import type { UserId } from "../../core/domain/identity.ts";

const MINUTE_SECONDS = 60;

/**
 * Counts the requests of each user in this process. Answers `none` for the first `perMinute` of a
 * minute, and for one more the whole seconds until the next is taken; 0 a minute switches it off.
 */
export const makeRateLimit = (perMinute: number): ((user: UserId) => Task<O.Option<number>>) => {
  if (perMinute === 0) {
    return () => T.of(O.none);
  }
  const limiter = new RateLimiterMemory({ points: perMinute, duration: MINUTE_SECONDS });
  return (user) => async () => {
    try {
      await limiter.consume(user);
      return O.none;
    } catch (refusal) {
      return refusal instanceof RateLimiterRes
        ? O.some(Math.max(1, Math.ceil(refusal.msBeforeNext / 1_000)))
        : O.none;
    }
  };
};
