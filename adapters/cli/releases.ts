import { pipe } from "fp-ts/lib/function.js";
import * as O from "fp-ts/lib/Option.js";
import * as TE from "fp-ts/lib/TaskEither.js";
import { type DemoPlace, parseAppVersion, type Releases, updateFor } from "../../core/mod.ts";
import { tokens } from "../inversify/mod.ts";
import { withApplication } from "./application.ts";
import { type Failure, failed } from "./failure.ts";
import type { PrintOptions, Surroundings } from "./surroundings.ts";
import { coloured, tableOf } from "./table.ts";

/** What a client of this version is answered. */
interface Sample {
  readonly client: string;
  readonly status: 200 | 204;
  readonly version: string;
  readonly url: string;
}

/** Validates the release files and tells what each of some sample clients would get. */
export const checkReleases = (
  surroundings: Surroundings,
  { json = false }: PrintOptions,
): TE.TaskEither<Failure, void> =>
  withApplication(surroundings)(({ part }) =>
    pipe(
      part(tokens.READ_RELEASES),
      TE.chain(
        TE.mapLeft((faults) => {
          if (json) {
            surroundings.print(JSON.stringify({ faults }));
          }
          return failed(...faults);
        }),
      ),
      TE.map((releases) => show(surroundings, releases, json)),
    ),
  );

const show = ({ print, isTerminal }: Surroundings, releases: Releases, json: boolean): void => {
  const samples = samplesOf(releases);
  const demoSquare = {
    groups: countOf("group")(releases.demoSquare),
    chatRooms: countOf("chatroom")(releases.demoSquare),
  };
  if (json) {
    print(JSON.stringify({ samples, demoSquare }));
    return;
  }
  if (isTerminal) {
    const rows = samples.map(({ client, status, version, url }) => [
      client,
      coloured(String(status), status === 200 ? "green" : "yellow"),
      status === 200 ? version : "nothing newer",
      url,
    ]);
    print(tableOf(["client", "", "gets", "from"], rows));
  } else {
    samples.map(asLine).forEach(print);
  }
  print(`demo square: groups ${demoSquare.groups}, chat rooms ${demoSquare.chatRooms}`);
};

const asLine = ({ client, status, version, url }: Sample): string => {
  if (status === 204) {
    return `${client}: 204, nothing newer`;
  }
  return client.startsWith("desktop")
    ? `${client}: 200, ${version} from ${url}`
    : `${client}: ${version} from ${url}`;
};

const countOf =
  (type: DemoPlace["type"]) =>
  (places: ReadonlyArray<DemoPlace>): number =>
    places.filter((place) => place.type === type).length;

const NOTHING: Omit<Sample, "client"> = { status: 204, version: "", url: "" };

const samplesOf = ({ desktop, mobile }: Releases): ReadonlyArray<Sample> => [
  ...["0.0.1", desktop.version, "9999.0.0"].map(
    (version): Sample => ({
      client: `desktop ${version}`,
      ...pipe(
        O.fromEither(parseAppVersion(version)),
        O.chain(updateFor(desktop)),
        O.match(
          () => NOTHING,
          (release): Omit<Sample, "client"> => ({
            status: 200,
            version: release.version,
            url: release.url,
          }),
        ),
      ),
    }),
  ),
  ...(["iOS", "Android"] as const).map((platform): Sample => {
    const { version, url } = mobile[platform];
    return { client: platform, status: 200, version, url };
  }),
];
