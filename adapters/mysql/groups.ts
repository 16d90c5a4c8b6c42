import { pipe } from "fp-ts/lib/function.js";
import * as O from "fp-ts/lib/Option.js";
import * as RA from "fp-ts/lib/ReadonlyArray.js";
import * as TE from "fp-ts/lib/TaskEither.js";
import * as t from "io-ts";
import type { GroupId, GroupProfiles } from "../../core/mod.ts";
import type { Connection } from "./connection.ts";
import { integerOf } from "./ids.ts";

// A statement is prepared once for its text: whoever asks for fewer asks for nobody's 0 besides.
const AT_ONCE = 50;

const PROFILES = `SELECT id, name, portraitUri, memberCount, maxMemberCount FROM \`groups\`
  WHERE id IN (${Array.from({ length: AT_ONCE }, () => "?").join(", ")})`;

const Rows = t.readonlyArray(
  t.type({
    id: t.number,
    name: t.string,
    portraitUri: t.string,
    memberCount: t.number,
    maxMemberCount: t.number,
  }),
);

const padded = (some: ReadonlyArray<number>): ReadonlyArray<number> => [
  ...some,
  ...Array.from({ length: AT_ONCE - some.length }, () => 0),
];

/** Reads `groups`. */
export const makeGroups = ({ ask }: Connection): GroupProfiles => ({
  profilesOf: (groups) => {
    const integers = new Map<number, GroupId>(
      pipe(
        groups,
        RA.filterMap((group) =>
          pipe(
            integerOf(group),
            O.map((integer) => [integer, group] as const),
          ),
        ),
      ),
    );
    return pipe(
      [...integers.keys()],
      RA.chunksOf(AT_ONCE),
      TE.traverseArray((some) => ask(PROFILES, padded(some), Rows)),
      TE.map(
        (found) =>
          new Map(
            found.flat().flatMap(({ id, ...profile }) => {
              const group = integers.get(id);
              return group === undefined ? [] : [[group, profile] as const];
            }),
          ),
      ),
    );
  },
});
