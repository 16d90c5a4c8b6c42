import { pipe } from "fp-ts/lib/function.js";
import * as O from "fp-ts/lib/Option.js";
import * as TE from "fp-ts/lib/TaskEither.js";
import type { DeadLetter, OutboxStatus } from "../../core/mod.ts";
import type { Failure } from "./failure.ts";
import { withStore } from "./store.ts";
import type { PrintOptions, Surroundings } from "./surroundings.ts";

/** What `outbox retry` is to do. */
export interface RetryOptions {
  /** The dead letters too. */
  readonly dead?: boolean;
}

/** Prints what the outbox holds. */
export const showOutbox = (
  surroundings: Surroundings,
  { json = false }: PrintOptions,
): TE.TaskEither<Failure, void> =>
  withStore(
    surroundings,
    "read",
  )(({ outbox }) =>
    pipe(
      TE.fromIO(Date.now),
      TE.bindTo("now"),
      TE.bindW("status", ({ now }) => outbox.status(now)),
      TE.map(({ now, status }) => {
        for (const line of json ? [asJson(status, now)] : asText(status, now)) {
          surroundings.print(line);
        }
      }),
    ),
  );

/** Prints the notices that nobody tries to deliver any more. */
export const listDeadLetters = (
  surroundings: Surroundings,
  { json = false }: PrintOptions,
): TE.TaskEither<Failure, void> =>
  withStore(
    surroundings,
    "read",
  )(({ outbox }) =>
    pipe(
      outbox.deadLetters(),
      TE.map((letters) => {
        for (const line of json ? [JSON.stringify(letters)] : letters.map(asLine)) {
          surroundings.print(line);
        }
      }),
    ),
  );

/** Has every postponed notice tried again now. */
export const retryNotices = (
  surroundings: Surroundings,
  { dead = false }: RetryOptions,
): TE.TaskEither<Failure, void> =>
  withStore(
    surroundings,
    "write",
  )(({ outbox }) =>
    pipe(
      TE.Do,
      TE.bind("postponed", () => outbox.retry(Date.now())),
      TE.bind("revived", () => (dead ? outbox.revive() : TE.right(0))),
      TE.map(({ postponed, revived }) => {
        surroundings.print(`postponed notices that are due now: ${postponed}`);
        if (dead) {
          surroundings.print(`dead letters that are due again: ${revived}`);
        }
      }),
    ),
  );

const iso = (at: number): string => new Date(at).toISOString();

const secondsSince = (at: number, now: number): number =>
  Math.max(0, Math.round((now - at) / 1_000));

const asText = (
  { pending, oldest, inFlight, dead, reasons }: OutboxStatus,
  now: number,
): ReadonlyArray<string> => [
  pipe(
    oldest,
    O.match(
      () => `pending: ${pending}`,
      (at) => `pending: ${pending}, the oldest since ${iso(at)}, ${secondsSince(at, now)} s ago`,
    ),
  ),
  `in flight: ${inFlight}`,
  `dead: ${dead}`,
  ...reasons.map(({ state, reason, count }) => `${state} for ${reason}: ${count}`),
];

const asJson = ({ oldest, ...counts }: OutboxStatus, now: number): string =>
  JSON.stringify({
    ...counts,
    oldest: pipe(oldest, O.map(iso), O.toNullable),
    oldestSeconds: pipe(
      oldest,
      O.map((at) => secondsSince(at, now)),
      O.toNullable,
    ),
  });

const asLine = ({ conversation, reason, attempts, storedAt, diedAt }: DeadLetter): string =>
  `${conversation}: ${reason}, attempts: ${attempts}, stored ${iso(storedAt)}, dead ${iso(diedAt)}`;
