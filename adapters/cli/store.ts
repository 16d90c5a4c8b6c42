import { pipe } from "fp-ts/lib/function.js";
import * as TE from "fp-ts/lib/TaskEither.js";
import type { StoreUnavailable } from "../../core/mod.ts";
import { tokens } from "../inversify/mod.ts";
import { type Application, withApplication } from "./application.ts";
import { type Failure, failed, misconfigured } from "./failure.ts";
import type { Surroundings } from "./surroundings.ts";

/** How a command uses the store. A command that only reads never makes a store. */
export type Access = "read" | "write";

/** Works on the store that is configured, beside a server or without one. */
export const withStore =
  (surroundings: Surroundings, access: Access) =>
  <A>(
    use: (
      store: tokens.Store,
      application: Application,
    ) => TE.TaskEither<Failure | StoreUnavailable, A>,
  ): TE.TaskEither<Failure, A> =>
    withApplication(surroundings)((application) =>
      useStore(surroundings, application, access)((store) => use(store, application)),
    );

/** The same, within a command that has the program wired already. */
export const useStore =
  (surroundings: Surroundings, application: Application, access: Access) =>
  <A>(
    use: (store: tokens.Store) => TE.TaskEither<Failure | StoreUnavailable, A>,
  ): TE.TaskEither<Failure, A> =>
    pipe(
      nameStore(surroundings, application, access),
      TE.chain(() => application.part(tokens.STORE)),
      TE.chainW(use),
      TE.mapLeft(asFailure),
    );

/**
 * Prints the store that a command uses. Fails if the store is in memory, or if the command only
 * reads and the store does not exist.
 */
export const nameStore = (
  { complain }: Surroundings,
  { part }: Application,
  access: Access,
): TE.TaskEither<Failure, void> =>
  pipe(
    part(tokens.CONFIG),
    TE.filterOrElse(
      ({ store }) => store._tag !== "MEMORY",
      () => misconfigured("STORE: memory keeps nothing when this command ends"),
    ),
    TE.chain(() => part(tokens.STORE_LOCATION)),
    TE.chain(({ name, exists }) => {
      complain(`Store: ${name}`);
      return access === "write" || exists() ? TE.right(undefined) : TE.left(failed(...MISSING));
    }),
  );

const MISSING = [
  "There is no store here yet, and this command only reads.",
  "Set DATA_DIR to the folder that the server uses; `sealtalk-misc serve` makes a new store.",
];

/** Turns an error of the store into a failure. Returns a failure of the command unchanged. */
export const asFailure = (fault: Failure | StoreUnavailable): Failure =>
  "lines" in fault ? fault : failed(`store: ${fault.cause}`);
