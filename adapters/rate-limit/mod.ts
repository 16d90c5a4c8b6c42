/**
 * How much one user may ask for, on rate-limiter-flexible.
 *
 * @module
 */
import * as O from "fp-ts/lib/Option.js";
import type { Task } from "fp-ts/lib/Task.js";
import * as T from "fp-ts/lib/Task.js";
import {
  type RateLimiterAbstract,
  RateLimiterMemory,
  RateLimiterRedis,
  RateLimiterRes,
} from "rate-limiter-flexible";
import type { UserId } from "../../core/domain/identity.ts";

/** Where requests are counted, if that is not in this process alone. */
export interface SharedCount {
  /** A client of ioredis. */
  readonly client: object;
  /** What the counters' keys begin with. */
  readonly prefix: string;
}

const MINUTE_SECONDS = 60;

/**
 * Counts the requests of each user, in this process or for all that share a Redis; while that is
 * away, in this process. Answers `none` for the first `perMinute` of a minute, and for one more
 * the whole seconds until the next is taken; 0 a minute switches it off.
 */
export const makeRateLimit = (
  perMinute: number,
  shared?: SharedCount,
): ((user: UserId) => Task<O.Option<number>>) => {
  if (perMinute === 0) {
    return () => T.of(O.none);
  }
  const limiter = makeLimiter(perMinute, shared);
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

const makeLimiter = (points: number, shared: SharedCount | undefined): RateLimiterAbstract => {
  const limit = { points, duration: MINUTE_SECONDS };
  const alone = new RateLimiterMemory(limit);
  return shared === undefined
    ? alone
    : new RateLimiterRedis({
        ...limit,
        storeClient: shared.client,
        keyPrefix: `${shared.prefix}rate`,
        insuranceLimiter: alone,
      });
};
