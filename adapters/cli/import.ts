import { identity, pipe } from "fp-ts/lib/function.js";
import * as NEA from "fp-ts/lib/NonEmptyArray.js";
import * as TE from "fp-ts/lib/TaskEither.js";
import type { RelationshipDirectory, StoreUnavailable } from "../../core/mod.ts";
import { tokens } from "../inversify/mod.ts";
import { withApplication } from "./application.ts";
import { csvSource, FRIENDS, MEMBERS, type Pair, type PairFormat } from "./csv.ts";
import { withDirectory } from "./directory.ts";
import { type Failure, misconfigured, misused } from "./failure.ts";
import { importStore } from "./import-store.ts";
import { progressFor } from "./progress.ts";
import { SEALTALK_TABLES, tableSource } from "./sealtalk.ts";
import { useStore } from "./store.ts";
import type { Surroundings } from "./surroundings.ts";
import { type Report, transfer } from "./transfer.ts";

type TableName = (typeof SEALTALK_TABLES)[number];

type Stored = TE.TaskEither<StoreUnavailable, unknown>;

/** Where it is imported from. */
export interface ImportOptions {
  readonly friends?: string;
  readonly members?: string;
  /** Which tables of the database at MYSQL_URL; true: all of them. */
  readonly fromMysql?: true | ReadonlyArray<TableName>;
  /** An export of a store. */
  readonly store?: string;
  readonly json?: boolean;
}

/** Reads what is elsewhere into the store. What is there already stays; it may be run again. */
export const importAll = (
  surroundings: Surroundings,
  { friends, members, fromMysql, store, json = false }: ImportOptions,
): TE.TaskEither<Failure, void> => {
  const files = friends !== undefined || members !== undefined;
  if ([files, fromMysql !== undefined, store !== undefined].filter(identity).length !== 1) {
    return TE.left(
      misused(
        "expected --from-mysql alone, --store FILE alone, or --friends FILE, --members FILE or both",
      ),
    );
  }
  if (store !== undefined) {
    return importStore(surroundings, store, { json });
  }
  return pipe(
    fromMysql === undefined
      ? importFiles(surroundings, friends, members)
      : importTables(surroundings, fromMysql === true ? SEALTALK_TABLES : fromMysql),
    TE.map((reports) => {
      for (const line of json ? [JSON.stringify(reports)] : reports.flatMap(asText)) {
        surroundings.print(line);
      }
    }),
  );
};

const importFiles = (
  surroundings: Surroundings,
  friends: string | undefined,
  members: string | undefined,
): TE.TaskEither<Failure, ReadonlyArray<Report>> =>
  withDirectory(surroundings, "write")(TE.right, (directory, idOf) => {
    const importFile = (
      file: string,
      format: PairFormat,
      put: (pairs: ReadonlyArray<Pair>) => Stored,
    ): TE.TaskEither<Failure, Report> =>
      pipe(
        csvSource(file, format, idOf),
        TE.chain((source) => transfer(source, put, progressFor(surroundings))),
      );
    return TE.sequenceSeqArray([
      ...(friends === undefined ? [] : [importFile(friends, FRIENDS, directory.addFriends)]),
      ...(members === undefined ? [] : [importFile(members, MEMBERS, addMembers(directory))]),
    ]);
  });

const importTables = (
  surroundings: Surroundings,
  names: ReadonlyArray<TableName>,
): TE.TaskEither<Failure, ReadonlyArray<Report>> =>
  withApplication(surroundings)((application) =>
    pipe(
      application.part(tokens.MYSQL),
      TE.chainOptionK(() => misconfigured("MYSQL_URL: expected to be set, to import from it"))(
        identity,
      ),
      TE.chain(({ tables }) =>
        useStore(
          surroundings,
          application,
          "write",
        )((store) =>
          pipe(
            names,
            TE.traverseSeqArray((name) => importTable(surroundings, tables, store, name)),
          ),
        ),
      ),
    ),
  );

const importTable = (
  surroundings: Surroundings,
  { friendships, groupMembers, screenStatuses }: tokens.Tables,
  { relationships, settings }: tokens.Store,
  name: TableName,
): TE.TaskEither<Failure, Report> => {
  const importRows = <A>(
    table: tokens.Table<A>,
    put: (contents: ReadonlyArray<A>) => Stored,
  ): TE.TaskEither<Failure, Report> =>
    pipe(
      tableSource(name, table),
      TE.chain((source) => transfer(source, put, progressFor(surroundings))),
    );
  switch (name) {
    case "friendships":
      // The other row of the two says the same.
      return importRows(friendships, (pairs) =>
        relationships.addFriends(pairs.filter(([one, other]) => one < other)),
      );
    case "group_members":
      return importRows(groupMembers, addMembers(relationships));
    case "screen_statuses":
      return importRows(screenStatuses, settings.importStatuses);
  }
};

const addMembers =
  (directory: RelationshipDirectory) =>
  (pairs: ReadonlyArray<Pair>): Stored =>
    pipe(
      Object.values(NEA.groupBy(([group]: Pair) => `group ${group}`)([...pairs])),
      TE.traverseSeqArray((some) =>
        directory.addMembers(
          some[0][0],
          some.map(([, user]) => user),
        ),
      ),
    );

const asText = ({ from, by, stored, skipped }: Report): ReadonlyArray<string> => [
  `${from}: ${stored} rows are stored`,
  ...skipped.map(
    ({ reason, rows, first }) =>
      `${from}: ${rows} ${rows === 1 ? "row is" : "rows are"} not: ${reason} (${by} ${first.join(", ")}${rows > first.length ? ", …" : ""})`,
  ),
];
