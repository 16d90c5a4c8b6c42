import { pipe } from "fp-ts/lib/function.js";
import * as O from "fp-ts/lib/Option.js";
import * as TE from "fp-ts/lib/TaskEither.js";
import { Id, type RelationshipDirectory, type StoreUnavailable } from "../../core/mod.ts";
import { tokens } from "../inversify/mod.ts";
import { type Application, withApplication } from "./application.ts";
import { type Failure, failed, misused } from "./failure.ts";
import { type Access, useStore } from "./store.ts";
import type { PrintOptions, Surroundings } from "./surroundings.ts";

/** Reads an id as the service keeps it; one that this deployment cannot spell is none. */
export const parseId =
  ({ part }: Application) =>
  (text: string): TE.TaskEither<Failure, Id> =>
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

/** Works on who knows whom, if that is the store's to keep, with a way to read the ids that the command line names. */
export const withDirectory =
  (surroundings: Surroundings, access: Access) =>
  <A>(
    use: (
      directory: RelationshipDirectory,
      idOf: (text: string) => TE.TaskEither<Failure, Id>,
    ) => TE.TaskEither<Failure | StoreUnavailable, A>,
  ): TE.TaskEither<Failure, A> =>
    withApplication(surroundings)((application) =>
      pipe(
        application.part(tokens.CONFIG),
        TE.filterOrElse(
          ({ mysql }) => O.isNone(mysql),
          () => failed("relationships come from MYSQL_URL, which is read only"),
        ),
        TE.chain(() =>
          useStore(
            surroundings,
            application,
            access,
          )(({ relationships }) => use(relationships, parseId(application))),
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
