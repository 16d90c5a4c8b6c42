import { pipe } from "fp-ts/lib/function.js";
import * as TE from "fp-ts/lib/TaskEither.js";
import { tokens } from "../inversify/mod.ts";
import { withApplication } from "./application.ts";
import { parseId } from "./directory.ts";
import { type Failure, misconfigured } from "./failure.ts";
import type { Surroundings } from "./surroundings.ts";

const DAY_MS = 86_400_000;

/** For whom, and for how long. */
export interface TokenCommandOptions {
  readonly user: string;
  readonly days: number;
}

/** Prints a session token. */
export const printToken = (
  surroundings: Surroundings,
  { user, days }: TokenCommandOptions,
): TE.TaskEither<Failure, void> =>
  withApplication(surroundings)((application) =>
    pipe(
      parseId(application)(user),
      TE.bindTo("id"),
      TE.bind("sign", () => application.part(tokens.SIGN_TOKEN)),
      TE.chain(({ id, sign }) =>
        pipe(sign(id, Date.now() + days * DAY_MS), TE.mapLeft(misconfigured)),
      ),
      TE.map(surroundings.print),
    ),
  );
