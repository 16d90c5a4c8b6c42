import * as E from "fp-ts/lib/Either.js";
import { pipe } from "fp-ts/lib/function.js";
import * as O from "fp-ts/lib/Option.js";
import * as T from "fp-ts/lib/Task.js";
import * as TE from "fp-ts/lib/TaskEither.js";
import { type Config, tokens } from "../inversify/mod.ts";
import { type Application, withApplication } from "./application.ts";
import { type Failure, failed } from "./failure.ts";
import type { Surroundings } from "./surroundings.ts";

interface Finding {
  readonly part: string;
  readonly fault: string | undefined;
  /** What works, and may not be what the operator wants. */
  readonly warnings: ReadonlyArray<string>;
}

/** Tries every configured part, prints a line for each, and fails if one does not work. */
export const diagnose = (surroundings: Surroundings): TE.TaskEither<Failure, void> =>
  withApplication(surroundings, { serving: true })((application) =>
    pipe(
      application.part(tokens.CONFIG),
      TE.chainTaskK((config) => T.sequenceArray(examinations(application, config))),
      TE.chain((findings) => {
        for (const { part, fault, warnings } of findings) {
          surroundings.print(`${part}: ${fault ?? "ok"}`);
          for (const warning of warnings) {
            surroundings.print(`${part}: warning: ${warning}`);
          }
        }
        const ill = findings.filter(({ fault }) => fault !== undefined);
        return ill.length === 0
          ? TE.right(undefined)
          : TE.left(failed(`not well: ${ill.map(({ part }) => part).join(", ")}`));
      }),
    ),
  );

const examinations = ({ part }: Application, { mysql }: Config): ReadonlyArray<T.Task<Finding>> => [
  examine(
    "store",
    pipe(
      part(tokens.STORE),
      TE.chainFirstW(({ settings }) => settings.ready()),
      TE.chainW(({ risks }) => risks),
    ),
  ),
  ...(O.isNone(mysql)
    ? []
    : [
        examine(
          "relationships",
          pipe(
            part(tokens.MYSQL),
            TE.chainW(O.traverse(TE.ApplicativePar)(({ ready }) => ready())),
            TE.map(() => []),
          ),
        ),
      ]),
  examine(
    "releases",
    pipe(
      part(tokens.RELEASE_FILES),
      TE.chainW(({ source }) => source.ready()),
      TE.map(() => []),
    ),
  ),
  examine(
    "sessions",
    pipe(
      part(tokens.SESSIONS),
      TE.chainW(({ verify }) => verify({ authorization: UNSIGNED, cookie: undefined })),
      TE.orElseW((fault) =>
        "_tag" in fault && fault._tag === "UNAUTHENTICATED" ? TE.right(undefined) : TE.left(fault),
      ),
      TE.chainW(() => part(tokens.SESSION_RISKS)),
    ),
  ),
  examine(
    "gateway",
    pipe(
      part(tokens.PROBE_GATEWAY),
      TE.chainW((probe) => probe),
      TE.map(() => []),
    ),
  ),
];

// A token of a public key: to refuse it, the key set has to be read.
const UNSIGNED = "Bearer eyJhbGciOiJSUzI1NiJ9.e30.AA";

const examine = <Fault extends object>(
  part: string,
  examination: TE.TaskEither<Fault, ReadonlyArray<string>>,
): T.Task<Finding> =>
  pipe(
    examination,
    T.map(
      E.match(
        (fault): Finding => ({
          part,
          fault: describe(fault).replace(`${part}: `, ""),
          warnings: [],
        }),
        (warnings) => ({ part, fault: undefined, warnings }),
      ),
    ),
  );

const describe = (fault: object): string => {
  if ("lines" in fault && Array.isArray(fault.lines)) {
    return fault.lines.join("; ");
  }
  return Object.values(fault).join(", ");
};
