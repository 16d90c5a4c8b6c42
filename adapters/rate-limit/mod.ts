/**
 * How much one user may ask for, on rate-limiter-flexible.
 *
 * @module
 */
import * as E from "fp-ts/lib/Either.js";
import { identity, pipe } from "fp-ts/lib/function.js";
import * as O from "fp-ts/lib/Option.js";
import type { Task } from "fp-ts/lib/Task.js";
import * as T from "fp-ts/lib/Task.js";
import * as TE from "fp-ts/lib/TaskEither.js";
import {
  type RateLimiterAbstract,
  RateLimiterMemory,
  RateLimiterRedis,
  RateLimiterRes,
} from "rate-limiter-flexible";
import type { UserId } from "../../core/mod.ts";

/** Why a request was counted in this process alone. */
export interface SharedCountFault {
  readonly key: string;
  readonly cause: string;
}

/** A Redis that counts requests for every process that uses it. */
export interface SharedCount {
  /** A client of ioredis. */
  readonly client: object;
  /** What the counters' keys begin with. */
  readonly prefix: string;
  /** Told of the first fault, and from then on of one a minute at most. */
  readonly onFault: (fault: SharedCountFault) => void;
  /** Milliseconds that no change of the time sets back. */
  readonly now?: () => number;
}

const MINUTE_SECONDS = 60;

// A request has its own work to do, and less than five seconds for all.
const COUNTED_WITHIN_MS = 300;

/**
 * Counts the requests of each user, in Redis for every process that shares it, else in this process.
 * While Redis is unavailable or slow, or a key holds another type, this process counts for itself.
 * Returns `none` for the first `perMinute` requests of a minute, and for each further one the whole
 * seconds until the next is allowed; `perMinute` of 0 disables the limit.
 */
export const makeRateLimit = (
  perMinute: number,
  shared?: SharedCount,
): ((user: UserId) => Task<O.Option<number>>) => {
  if (perMinute === 0) {
    return () => T.of(O.none);
  }
  const limit = { points: perMinute, duration: MINUTE_SECONDS };
  const alone = countOn(new RateLimiterMemory(limit));
  const count = shared === undefined ? alone : countShared(limit, shared, alone);
  return (user) =>
    pipe(
      count(user),
      TE.getOrElse(() => T.of<O.Option<number>>(O.none)),
    );
};

/** Sessions that did not verify, by the address that presented them. */
export interface FailureLimit {
  /** The whole seconds until the address may present a session again; `none`: it may now. */
  readonly refusal: (address: string) => Task<O.Option<number>>;
  readonly count: (address: string) => Task<void>;
}

/**
 * Counts the failures of each address, in Redis or in this process as {@link makeRateLimit} does.
 * After `perMinute` failures in a minute the address is refused until that minute is over;
 * `perMinute` of 0 disables the limit.
 */
export const makeFailureLimit = (perMinute: number, shared?: SharedCount): FailureLimit => {
  if (perMinute === 0) {
    return { refusal: () => T.of(O.none), count: () => T.of(undefined) };
  }
  const limit = { points: perMinute, duration: MINUTE_SECONDS };
  const alone = new RateLimiterMemory(limit);
  const answer = shared === undefined ? undefined : sharing(limit, shared, "failures");
  const ask = <A>(
    address: string,
    question: (limiter: RateLimiterAbstract) => TE.TaskEither<unknown, A>,
  ): TE.TaskEither<unknown, A> =>
    answer === undefined ? question(alone) : answer(address, question, () => question(alone));
  return {
    refusal: (address) =>
      pipe(
        ask(address, (limiter) => TE.tryCatch(() => limiter.get(address), identity)),
        TE.match(
          () => O.none,
          (counted) =>
            counted !== null && counted.consumedPoints >= perMinute
              ? O.some(secondsUntil(counted))
              : O.none,
        ),
      ),
    count: (address) =>
      pipe(
        ask(address, (limiter) => TE.tryCatch(() => limiter.consume(address), identity)),
        TE.match(
          () => undefined,
          () => undefined,
        ),
      ),
  };
};

/** Counts a request: the seconds to wait if it is one too many. */
type Count = (user: UserId) => TE.TaskEither<unknown, O.Option<number>>;

const secondsUntil = ({ msBeforeNext }: RateLimiterRes): number =>
  Math.max(1, Math.ceil(msBeforeNext / 1_000));

const countOn =
  (limiter: RateLimiterAbstract): Count =>
  (user) =>
    pipe(
      TE.tryCatch(() => limiter.consume(user), identity),
      TE.map(() => O.none),
      TE.orElse((refusal) =>
        refusal instanceof RateLimiterRes
          ? TE.right(O.some(secondsUntil(refusal)))
          : TE.left(refusal),
      ),
    );

interface Limit {
  readonly points: number;
  readonly duration: number;
}

const countShared = (limit: Limit, shared: SharedCount, alone: Count): Count => {
  const answer = sharing(limit, shared, "rate");
  return (user) =>
    answer(
      user,
      (limiter) => countOn(limiter)(user),
      () => alone(user),
    );
};

/** Uses the shared limiter; on error or timeout falls back to the local one and logs at most once a minute. */
type Answer = <A>(
  key: string,
  shared: (limiter: RateLimiterAbstract) => TE.TaskEither<unknown, A>,
  alone: () => TE.TaskEither<unknown, A>,
) => TE.TaskEither<unknown, A>;

const sharing = (
  limit: Limit,
  { client, prefix, onFault, now = () => performance.now() }: SharedCount,
  name: string,
): Answer => {
  const limiter = new RateLimiterRedis({
    ...limit,
    keyPrefix: `${prefix}${name}`,
    storeClient: client,
  });
  let quietUntil = Number.NEGATIVE_INFINITY;
  const tell = (key: string, fault: unknown): void => {
    const at = now();
    if (at >= quietUntil) {
      quietUntil = at + MINUTE_SECONDS * 1_000;
      onFault({ key: limiter.getKey(key), cause: causeOf(fault) });
    }
  };
  return (key, shared, alone) =>
    pipe(
      shared(limiter),
      within(COUNTED_WITHIN_MS),
      TE.orElse((fault) => {
        // One too many is an answer of the limiter, and no fault of its place.
        if (!(fault instanceof RateLimiterRes)) {
          tell(key, fault);
        }
        return alone();
      }),
    );
};

// To a command that it does not know, Redis answers with what it was given.
const causeOf = (fault: unknown): string =>
  (fault instanceof Error ? fault.message : String(fault)).split(", with args")[0] ?? "";

const within =
  (ms: number) =>
  <A>(task: TE.TaskEither<unknown, A>): typeof task =>
  () =>
    new Promise((resolve) => {
      const timer = setTimeout(() => resolve(E.left(`no answer in ${ms} ms`)), ms);
      task()
        .then(resolve)
        .finally(() => clearTimeout(timer));
    });
