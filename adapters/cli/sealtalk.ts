import * as E from "fp-ts/lib/Either.js";
import { pipe } from "fp-ts/lib/function.js";
import * as TE from "fp-ts/lib/TaskEither.js";
import type { tokens } from "../inversify/mod.ts";
import { type Failure, failed } from "./failure.ts";
import type { Batch, Source } from "./transfer.ts";

/** The tables that can be imported, by their names in SealTalk's database. */
export const SEALTALK_TABLES = ["friendships", "group_members", "screen_statuses"] as const;

/** The rows of a table of SealTalk's database. */
export const tableSource = <A>(
  name: string,
  { after, lastId }: tokens.Table<A>,
): TE.TaskEither<Failure, Source<A>> =>
  pipe(
    lastId(),
    TE.bimap(
      ({ cause }) => failed(`${name}: ${cause}`),
      (total) => ({ name, by: "id", total, batches: readBatches(name, after) }),
    ),
  );

async function* readBatches<A>(
  name: string,
  after: tokens.Table<A>["after"],
): AsyncGenerator<E.Either<Failure, Batch<A>>> {
  let done = 0;
  for (;;) {
    const found = await after(done)();
    if (E.isLeft(found)) {
      yield E.left(failed(`${name}: ${found.left.cause}`));
      return;
    }
    const last = found.right.at(-1);
    if (last === undefined) {
      return;
    }
    done = last.id;
    yield E.right({ rows: found.right.map(({ id, content }) => ({ at: id, content })), done });
  }
}
