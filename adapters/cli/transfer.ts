import * as E from "fp-ts/lib/Either.js";
import * as RA from "fp-ts/lib/ReadonlyArray.js";
import type * as TE from "fp-ts/lib/TaskEither.js";
import type { StoreUnavailable } from "../../core/mod.ts";
import { type Failure, failed } from "./failure.ts";
import type { ShowProgress } from "./progress.ts";

/** Rows that are too many to hold, from wherever they are. */
export interface Source<A> {
  /** What they are called: a file or a table. */
  readonly name: string;
  /** What one of them is found by. */
  readonly by: "line" | "id";
  /** How far it is to the end, in the unit of {@link Batch.done}. */
  readonly total: number;
  readonly batches: AsyncIterable<E.Either<Failure, Batch<A>>>;
}

/** Rows that were read together, and how far that is. */
export interface Batch<A> {
  readonly rows: ReadonlyArray<Row<A>>;
  readonly done: number;
}

/** Where a row stands, and what it says, or why that is no use. */
export interface Row<A> {
  readonly at: number;
  readonly content: E.Either<string, A>;
}

/** What became of the rows of a source. */
export interface Report {
  readonly from: string;
  readonly by: Source<unknown>["by"];
  readonly stored: number;
  readonly skipped: ReadonlyArray<Skipped>;
}

/** Rows that were no use, and the first of them. */
interface Skipped {
  readonly reason: string;
  readonly rows: number;
  readonly first: ReadonlyArray<number>;
}

const MOST_TOLD = 10;

/** Stores what the rows of a source say, one batch after the other. */
export const transfer =
  <A>(
    { name, by, total, batches }: Source<A>,
    put: (contents: ReadonlyArray<A>) => TE.TaskEither<StoreUnavailable, unknown>,
    showProgress: ShowProgress,
  ): TE.TaskEither<Failure, Report> =>
  async () => {
    const progress = showProgress(name, total);
    const skipped = makeSkipped();
    let [rows, stored] = [0, 0];
    const stopped = ({ lines }: Failure): E.Either<Failure, never> =>
      E.left(
        failed(
          ...lines,
          `${name}: ${stored} rows are stored; the import may be run again, and changes nothing twice`,
        ),
      );
    try {
      for await (const batch of batches) {
        if (E.isLeft(batch)) {
          return stopped(batch.left);
        }
        const { left, right } = split(batch.right.rows);
        const outcome = await put(right)();
        if (E.isLeft(outcome)) {
          return stopped(failed(`store: ${outcome.left.cause}`));
        }
        skipped.add(left);
        rows += batch.right.rows.length;
        stored += right.length;
        progress.update(batch.right.done, rows);
      }
    } finally {
      progress.stop();
    }
    return E.right({ from: name, by, stored, skipped: skipped.all() });
  };

type Useless = readonly [reason: string, at: number];

const split = <A>(rows: ReadonlyArray<Row<A>>) =>
  RA.partitionMap(({ at, content }: Row<A>) =>
    E.mapLeft((reason: string): Useless => [reason, at])(content),
  )(rows);

interface SkippedRows {
  readonly add: (useless: ReadonlyArray<Useless>) => void;
  readonly all: () => ReadonlyArray<Skipped>;
}

/** Counts the rows that are no use, and forgets all but the first. */
const makeSkipped = (): SkippedRows => {
  const reasons = new Map<string, Omit<Skipped, "reason">>();
  return {
    add: (useless) => {
      for (const [reason, at] of useless) {
        const { rows, first } = reasons.get(reason) ?? { rows: 0, first: [] };
        reasons.set(reason, {
          rows: rows + 1,
          first: first.length < MOST_TOLD ? [...first, at] : first,
        });
      }
    },
    all: () => [...reasons].map(([reason, counted]) => ({ reason, ...counted })),
  };
};
