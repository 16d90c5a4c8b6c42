import { pipe } from "fp-ts/lib/function.js";
import * as TE from "fp-ts/lib/TaskEither.js";
import {
  ConfigurationFault,
  type ContainerOptions,
  closeContainer,
  makeContainer,
  renderFaults,
  resolve,
  type Token,
} from "../inversify/mod.ts";
import { type Failure, failed, isMissingModule, misconfigured, missingModule } from "./failure.ts";
import type { Surroundings } from "./surroundings.ts";

/** What a token yields. */
export type PartOf<T> = T extends Token<infer A> ? A : never;

/** The wired program: what a command asks its parts of. */
export interface Application {
  readonly part: <A>(token: Token<A>) => TE.TaskEither<Failure, A>;
}

/** Wires the program for a command, and closes whatever the command had it open. */
export const withApplication =
  (
    { env, isTerminal }: Pick<Surroundings, "env" | "isTerminal">,
    options: Omit<ContainerOptions, "isTerminal"> = { serving: false },
  ) =>
  <A>(use: (application: Application) => TE.TaskEither<Failure, A>): TE.TaskEither<Failure, A> =>
    TE.bracket(
      pipe(
        TE.fromEither(makeContainer(env, { ...options, isTerminal })),
        TE.mapLeft((faults) => misconfigured(...renderFaults(faults))),
      ),
      (container) => use({ part: (token) => TE.tryCatch(() => resolve(container, token), reason) }),
      (container) => TE.tryCatch(() => closeContainer(container), reason),
    );

const reason = (fault: unknown): Failure => {
  if (isMissingModule(fault)) {
    return missingModule(fault);
  }
  const line = fault instanceof Error ? fault.message : String(fault);
  return fault instanceof ConfigurationFault ? misconfigured(line) : failed(line);
};
