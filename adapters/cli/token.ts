import { pipe } from "fp-ts/lib/function.js";
import * as TE from "fp-ts/lib/TaskEither.js";
import { TOKEN_OPTIONS } from "../inversify/mod.ts";
import { signSession } from "../session/mod.ts";
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
      TE.bind("options", () => application.part(TOKEN_OPTIONS)),
      TE.chain(({ id, options: { secret, ...claims } }) =>
        secret === undefined
          ? TE.left(
              misconfigured("SESSION_SECRET: without it, only the owner of the keys can sign"),
            )
          : TE.fromTask(
              signSession({ ...claims, secret, user: id, expiresAt: Date.now() + days * DAY_MS }),
            ),
      ),
      TE.map(surroundings.print),
    ),
  );
