import { pipe } from "fp-ts/lib/function.js";
import * as TE from "fp-ts/lib/TaskEither.js";
import type { StoreUnavailable } from "../../core/domain/errors.ts";
import { Id } from "../../core/domain/identity.ts";
import type { RelationshipDirectory } from "../../core/ports/relationships.ts";
import { IDS, STORE } from "../inversify/mod.ts";
import { type Application, withApplication } from "./application.ts";
import { type Failure, failed, misused } from "./failure.ts";
import type { Surroundings } from "./surroundings.ts";

/** How a list is printed. */
export interface ListOptions {
  readonly json?: boolean;
}

type Change = (
  directory: RelationshipDirectory,
  ids: ReadonlyArray<Id>,
) => TE.TaskEither<StoreUnavailable, void>;

type Listing = (
  directory: RelationshipDirectory,
  owner: Id,
) => TE.TaskEither<StoreUnavailable, ReadonlyArray<Id>>;

/** Changes who knows whom: `change` gets the ids that the command line names, in their order. */
export const changeRelationships =
  (surroundings: Surroundings, change: Change) =>
  (texts: ReadonlyArray<string>): TE.TaskEither<Failure, void> =>
    withApplication(surroundings)((application) =>
      pipe(
        parseIds(application)(texts),
        TE.bindTo("ids"),
        TE.bind("store", () => application.part(STORE)),
        TE.chain(({ ids, store }) =>
          pipe(change(store.relationships, ids), TE.mapLeft(unavailable)),
        ),
      ),
    );

/** Prints a list of ids, one a line, or as one JSON array. */
export const listRelationships =
  (surroundings: Surroundings, list: Listing) =>
  (owner: string, { json = false }: ListOptions): TE.TaskEither<Failure, void> =>
    withApplication(surroundings)((application) =>
      pipe(
        parseId(application)(owner),
        TE.bindTo("id"),
        TE.bind("store", () => application.part(STORE)),
        TE.chain(({ id, store }) =>
          pipe(list(store.relationships, id), TE.mapLeft(unavailable)),
        ),
        TE.map((ids) => {
          for (const line of json ? [JSON.stringify(ids)] : ids) {
            surroundings.print(line);
          }
        }),
      ),
    );

/** Reads an id as the service keeps it; one that this deployment cannot spell is none. */
export const parseId =
  ({ part }: Application) =>
  (text: string): TE.TaskEither<Failure, Id> =>
    pipe(
      part(IDS),
      TE.chain((ids) =>
        Id.is(text)
          ? pipe(
              ids.encode(text),
              TE.bimap(
                () => noId(text),
                () => text,
              ),
            )
          : TE.left(noId(text)),
      ),
    );

const parseIds =
  (application: Application) =>
  (texts: ReadonlyArray<string>): TE.TaskEither<Failure, ReadonlyArray<Id>> =>
    pipe(texts, TE.traverseArray(parseId(application)));

const noId = (text: string): Failure => misused(`not an id here: ${JSON.stringify(text)}`);

const unavailable = ({ cause }: StoreUnavailable): Failure => failed(`store: ${cause}`);
