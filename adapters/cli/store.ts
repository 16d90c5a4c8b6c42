import { pipe } from "fp-ts/lib/function.js";
import * as TE from "fp-ts/lib/TaskEither.js";
import type { StoreUnavailable } from "../../core/mod.ts";
import { tokens } from "../inversify/mod.ts";
import { type Application, withApplication } from "./application.ts";
import { type Failure, failed, misconfigured } from "./failure.ts";
import type { Surroundings } from "./surroundings.ts";

/** Works on the store that is configured, beside a server or without one. */
export const withStore =
  (surroundings: Surroundings) =>
  <A>(
    use: (
      store: tokens.Store,
      application: Application,
    ) => TE.TaskEither<Failure | StoreUnavailable, A>,
  ): TE.TaskEither<Failure, A> =>
    withApplication(surroundings)((application) =>
      useStore(application)((store) => use(store, application)),
    );

/** The same, within a command that has the program wired already. */
export const useStore =
  ({ part }: Application) =>
  <A>(
    use: (store: tokens.Store) => TE.TaskEither<Failure | StoreUnavailable, A>,
  ): TE.TaskEither<Failure, A> =>
    pipe(
      part(tokens.CONFIG),
      TE.filterOrElse(
        ({ store }) => store._tag !== "MEMORY",
        () => misconfigured("STORE: memory keeps nothing when this command ends"),
      ),
      TE.chain(() => part(tokens.STORE)),
      TE.chainW(use),
      TE.mapLeft((fault) => ("lines" in fault ? fault : failed(`store: ${fault.cause}`))),
    );
