import * as E from "fp-ts/lib/Either.js";
import { pipe } from "fp-ts/lib/function.js";
import * as O from "fp-ts/lib/Option.js";
import * as T from "fp-ts/lib/Task.js";
import * as TE from "fp-ts/lib/TaskEither.js";
import { type Config, tokens } from "../inversify/mod.ts";
import { type Application, withApplication } from "./application.ts";
import { type Failure, failed } from "./failure.ts";
import type { PrintOptions, Surroundings } from "./surroundings.ts";
import { coloured, tableOf } from "./table.ts";

/** What was found of one part, and what to do about it. */
interface Finding {
  readonly part: string;
  readonly state: "ok" | "warning" | "fault";
  readonly finding: string;
  /** Empty: nothing is to be done. */
  readonly advice: string;
}

/** Tries every configured part, tells of each, and fails if one does not work. */
export const diagnose = (
  surroundings: Surroundings,
  { json = false }: PrintOptions,
): TE.TaskEither<Failure, void> =>
  withApplication(surroundings, { serving: true })((application) =>
    pipe(
      application.part(tokens.CONFIG),
      TE.chainTaskK((config) => T.sequenceArray(examinations(surroundings, application, config))),
      TE.map((found) => found.flat()),
      TE.chain((findings) => {
        show(surroundings, findings, json);
        const ill = findings.filter(({ state }) => state === "fault");
        return ill.length === 0
          ? TE.right(undefined)
          : TE.left(failed(`not well: ${ill.map(({ part }) => part).join(", ")}`));
      }),
    ),
  );

const show = (
  { print, isTerminal }: Surroundings,
  findings: ReadonlyArray<Finding>,
  json: boolean,
): void => {
  if (json) {
    print(JSON.stringify(findings));
  } else if (isTerminal) {
    const rows = findings.map(({ part, state, finding, advice }) => [
      part,
      coloured(state, COLOURS[state]),
      finding,
      advice,
    ]);
    print(tableOf(["part", "", "found", "what to do"], rows));
  } else {
    findings.map(asLine).forEach(print);
  }
};

const COLOURS = { ok: "green", warning: "yellow", fault: "red" } as const;

const asLine = ({ part, state, finding, advice }: Finding): string =>
  [
    `${part}: ${state === "warning" ? "warning: " : ""}${finding}`,
    ...(advice === "" ? [] : [advice]),
  ].join(" -> ");

const examinations = (
  { complain }: Surroundings,
  { part }: Application,
  { mysql, gateway, store }: Config,
): ReadonlyArray<T.Task<ReadonlyArray<Finding>>> => [
  examine(
    "store",
    pipe(
      part(tokens.STORE_LOCATION),
      TE.chainFirstIOK(
        ({ name }) =>
          () =>
            complain(`Store: ${name}`),
      ),
      TE.chainW(({ name, exists }) => (exists() ? tryStore(part) : TE.right([noStoreAt(name)]))),
    ),
    store._tag === "REDIS" ? REDIS_ADVICE : LOCAL_ADVICE,
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
          "see that MYSQL_URL leads to the database, and that its user has the rights that docs/operating.md lists",
        ),
      ]),
  examine(
    "releases",
    pipe(
      part(tokens.RELEASE_FILES),
      TE.chainW(({ source }) => source.ready()),
      TE.map(() => []),
    ),
    "mend the file: `sealtalk-misc releases check` reads it again, and a running server by itself",
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
    "see that SESSION_JWKS leads to a key set that can be read",
  ),
  examine(
    "gateway",
    pipe(
      part(tokens.PROBE_GATEWAY),
      TE.chainW((probe) => probe),
      TE.map(() => (gateway._tag === "LOG" ? [ONLY_LOGGED] : [])),
    ),
    "see RONGCLOUD_APP_KEY, RONGCLOUD_APP_SECRET and RONGCLOUD_API, the way there, and this machine's clock",
  ),
];

const tryStore = (part: Application["part"]) =>
  pipe(
    part(tokens.STORE),
    TE.chainFirstW(({ settings }) => settings.ready()),
    TE.chainW(({ risks }) => risks),
  );

const noStoreAt = (name: string): string =>
  `there is no store yet at ${name}; \`sealtalk-misc serve\` makes it, or set DATA_DIR to the folder of an existing one`;

const ONLY_LOGGED =
  "messages and notices are logged and sent to nobody; set RONGCLOUD_APP_KEY and RONGCLOUD_APP_SECRET to send them";

// A token of a public key: to refuse it, the key set has to be read.
const UNSIGNED = "Bearer eyJhbGciOiJSUzI1NiJ9.e30.AA";

const LOCAL_ADVICE = "DATA_DIR has to be a folder of a local disk that this user may write";
const REDIS_ADVICE = "REDIS_URL has to lead to a server that lets this user in";

/** Tries a part; the advice is what usually helps where it does not work: a warning says so itself. */
const examine = <Fault extends object>(
  part: string,
  examination: TE.TaskEither<Fault, ReadonlyArray<string>>,
  usualAdvice: string,
): T.Task<ReadonlyArray<Finding>> =>
  pipe(
    examination,
    T.map(
      E.match(
        (fault): ReadonlyArray<Finding> => {
          const [finding = "", advice = usualAdvice] = linesOf(fault);
          return [{ part, state: "fault", finding: finding.replace(`${part}: `, ""), advice }];
        },
        (warnings) => [
          { part, state: "ok", finding: "ok", advice: "" },
          ...warnings.map(
            (finding): Finding => ({
              part,
              state: "warning",
              finding,
              advice: "",
            }),
          ),
        ],
      ),
    ),
  );

const linesOf = (fault: object): ReadonlyArray<string> =>
  "lines" in fault && Array.isArray(fault.lines) ? fault.lines : [Object.values(fault).join(", ")];
