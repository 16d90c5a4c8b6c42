import { pipe } from "fp-ts/lib/function.js";
import * as TE from "fp-ts/lib/TaskEither.js";
import { LRUCache } from "lru-cache";
import type { StoreUnavailable, Unauthenticated, UserId } from "../../core/mod.ts";

/** Tells whose a token is, and until when, in milliseconds since the epoch. */
export type Verify = (
  token: string,
) => TE.TaskEither<
  Unauthenticated | StoreUnavailable,
  { readonly user: UserId; readonly expiresAt: number }
>;

/** For how long a key that was taken out of a key set may still serve, beside what the set is kept. */
const KEPT_MS = 5_000;

/** In characters, all together: whoever asked least recently is verified anew. */
const KEPT_LENGTH = 4_000_000;

/**
 * Keeps whose a token is for five seconds, but not beyond its end, since users ask several things in
 * a row and a signature takes longer to check than most of these. What does not verify is not kept.
 */
export const rememberVerified = (
  verify: Verify,
  now: () => number = Date.now,
): ((token: string) => TE.TaskEither<Unauthenticated | StoreUnavailable, UserId>) => {
  const known = new LRUCache<string, Known>({
    maxSize: KEPT_LENGTH,
    sizeCalculation: (_, token) => token.length,
  });
  return (token) => () => {
    const at = now();
    const found = known.get(token);
    // A clock that was set back says nothing of how long ago that was.
    if (found !== undefined && found.since <= at && at < found.until) {
      return found.answer;
    }
    return pipe(
      verify(token),
      TE.map(({ user, expiresAt }) => {
        const answer = TE.right(user)();
        known.set(copyOf(token), { answer, since: at, until: Math.min(at + KEPT_MS, expiresAt) });
        return user;
      }),
    )();
  };
};

// A part of a text keeps the whole of it in memory: here a header with everybody's cookies.
const copyOf = (token: string): string => new TextDecoder().decode(new TextEncoder().encode(token));

interface Known {
  readonly answer: ReturnType<TE.TaskEither<never, UserId>>;
  readonly since: number;
  readonly until: number;
}
