import { pipe } from "fp-ts/lib/function.js";
import * as O from "fp-ts/lib/Option.js";
import * as TE from "fp-ts/lib/TaskEither.js";
import { Id, type RelationshipDirectory, type StoreUnavailable } from "../../core/mod.ts";
import { tokens } from "../inversify/mod.ts";
import { type Application, withApplication } from "./application.ts";
import { type Failure, failed, misused } from "./failure.ts";
import { type Access, useStore } from "./store.ts";
import type { PrintOptions, Surroundings } from "./surroundings.ts";

/** Reads an id of the command line or of a file. */
export type ReadId = (text: string) => TE.TaskEither<Failure, Id>;

/** Reads an id as the service keeps it; one that this deployment cannot spell is none. */
export const parseId =
  ({ part }: Application): ReadId =>
  (text) =>
    pipe(
      part(tokens.IDS),
      TE.chainW((ids) =>
        pipe(
          text,
          TE.fromPredicate(Id.is, () => undefined),
          TE.chainFirstW(ids.encode),
        ),
      ),
      TE.mapLeft((fault) =>
        fault !== undefined && "lines" in fault
          ? fault
          : misused(`not an id here: ${JSON.stringify(text)}`),
      ),
    );

/**
 * Works on the relationships of the store. `readIds` reads the ids of the command line. It runs
 * before the store is opened, so that a command with a wrong id makes no store.
 *
 * Fails if the relationships come from MYSQL_URL.
 */
export const withDirectory =
  (surroundings: Surroundings, access: Access) =>
  <Ids, A>(
    readIds: (readId: ReadId) => TE.TaskEither<Failure, Ids>,
    use: (
      directory: RelationshipDirectory,
      ids: Ids,
    ) => TE.TaskEither<Failure | StoreUnavailable, A>,
  ): TE.TaskEither<Failure, A> =>
    withApplication(surroundings)((application) =>
      pipe(
        application.part(tokens.CONFIG),
        TE.filterOrElse(
          ({ mysql }) => O.isNone(mysql),
          () => failed("relationships come from MYSQL_URL, which is read only"),
        ),
        TE.chain(() => readIds(parseId(application))),
        TE.chain((ids) =>
          useStore(
            surroundings,
            application,
            access,
          )(({ relationships }) => use(relationships, ids)),
        ),
      ),
    );

/** Prints a list of ids: one a line, or as one JSON array. */
export const printIds =
  ({ print }: Surroundings, { json = false }: PrintOptions) =>
  (ids: ReadonlyArray<Id>): void => {
    for (const line of json ? [JSON.stringify(ids)] : ids) {
      print(line);
    }
  };
