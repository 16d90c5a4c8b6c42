import { identity, pipe } from "fp-ts/lib/function.js";
import * as TE from "fp-ts/lib/TaskEither.js";
import type { StoreUnavailable } from "../../core/mod.ts";
import { tokens } from "../inversify/mod.ts";
import { withApplication } from "./application.ts";
import { type Failure, misconfigured } from "./failure.ts";
import { type Access, asFailure, nameStore } from "./store.ts";
import type { Surroundings } from "./surroundings.ts";

/** Copies the embedded store into a new file, also while servers use it. */
export const backUp = (surroundings: Surroundings, file: string): TE.TaskEither<Failure, void> =>
  pipe(
    withBackups(surroundings, "read", ({ backUp }) => backUp(file)),
    TE.map(() => surroundings.print(`The backup is ${file}.`)),
  );

/** Puts a backup in the place of the embedded store. */
export const restore = (surroundings: Surroundings, file: string): TE.TaskEither<Failure, void> =>
  pipe(
    withBackups(surroundings, "write", ({ restore }) => restore(file)),
    TE.map((earlier) => {
      surroundings.print(`The store is as it was in ${file}.`);
      if (earlier !== undefined) {
        surroundings.print(`The earlier store is kept as ${earlier}.`);
      }
    }),
  );

const withBackups = <A>(
  surroundings: Surroundings,
  access: Access,
  use: (backups: tokens.Backups) => TE.TaskEither<StoreUnavailable, A>,
): TE.TaskEither<Failure, A> =>
  withApplication(surroundings)((application) =>
    pipe(
      nameStore(surroundings, application, access),
      TE.chain(() => application.part(tokens.BACKUPS)),
      TE.chainOptionK(() => misconfigured(ONLY_SQLITE))(identity),
      TE.chainW(use),
      TE.mapLeft(asFailure),
    ),
  );

const ONLY_SQLITE =
  "STORE: expected sqlite. Back up a Redis with its own tools, or copy it with `sealtalk-misc export`";
