import * as E from "fp-ts/lib/Either.js";
import { pipe } from "fp-ts/lib/function.js";
import * as O from "fp-ts/lib/Option.js";
import * as TE from "fp-ts/lib/TaskEither.js";
import { type DemoPlace, parseAppVersion, type Releases, updateFor } from "../../core/mod.ts";
import { tokens } from "../inversify/mod.ts";
import { withApplication } from "./application.ts";
import { type Failure, failed } from "./failure.ts";
import type { Surroundings } from "./surroundings.ts";

/** Validates the release files and prints what each of some sample clients would get. */
export const checkReleases = (surroundings: Surroundings): TE.TaskEither<Failure, void> =>
  withApplication(surroundings)(({ part }) =>
    pipe(
      part(tokens.READ_RELEASES),
      TE.chain(TE.mapLeft((faults) => failed(...faults))),
      TE.map((releases) => {
        for (const line of samples(releases)) {
          surroundings.print(line);
        }
      }),
    ),
  );

const countOf =
  (type: DemoPlace["type"]) =>
  (places: ReadonlyArray<DemoPlace>): number =>
    places.filter((place) => place.type === type).length;

const samples = ({ desktop, mobile, demoSquare }: Releases): ReadonlyArray<string> => [
  ...["0.0.1", desktop.version, "9999.0.0"].map(
    (version) =>
      `desktop ${version}: ${pipe(
        parseAppVersion(version),
        E.match(
          () => "not a version",
          (current) =>
            pipe(
              updateFor(desktop)(current),
              O.match(
                () => "204, nothing newer",
                (release) => `200, ${release.version} from ${release.url}`,
              ),
            ),
        ),
      )}`,
  ),
  `iOS: ${mobile.iOS.version} from ${mobile.iOS.url}`,
  `Android: ${mobile.Android.version} from ${mobile.Android.url}`,
  `demo square: groups ${countOf("group")(demoSquare)}, chat rooms ${countOf("chatroom")(demoSquare)}`,
];
