import { pipe } from "fp-ts/lib/function.js";
import * as TE from "fp-ts/lib/TaskEither.js";
import type { GroupProfiles, Relationships, StoreUnavailable } from "../../core/mod.ts";
import { type MysqlUrlFault, parseMysqlUrl } from "./address.ts";
import { makeConnection } from "./connection.ts";
import { makeGroups } from "./groups.ts";
import { makeRelationships } from "./relationships.ts";
import { makeTables, type Tables } from "./tables.ts";
import { sslOptions } from "./tls.ts";

/** What an existing SealTalk database tells, and the end of it. Nothing in it is changed. */
export interface MysqlDatabase {
  readonly relationships: Relationships;
  readonly groups: GroupProfiles;
  readonly tables: Tables;
  /** Succeeds if relationships can be read now. */
  readonly ready: () => TE.TaskEither<StoreUnavailable, void>;
  /** Ends the connections; whatever is asked afterwards is STORE_UNAVAILABLE. */
  readonly close: () => Promise<void>;
}

/** Where the database is. */
export interface MysqlDatabaseOptions {
  /** As {@link parseMysqlUrl} reads it. */
  readonly url: string;
}

/**
 * Opens an existing SealTalk database, on MySQL or MariaDB, to be read. It fails if the URL, or the
 * certificates that this names, cannot serve. A server that is away is no fault here: each
 * question says so until it is back.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { isLeft, isRight } from "fp-ts/lib/Either.js";
 * import { openMysqlDatabase } from "sealtalk-misc/mysql";
 *
 * const opened = await openMysqlDatabase({ url: "mysql://misc:secret@127.0.0.1:1/sealtalk" })();
 * assert.ok(isRight(opened));
 * const { ready, close } = opened.right;
 * assert.ok(isLeft(await ready()()));
 * await close();
 * ```
 */
export const openMysqlDatabase = ({
  url,
}: MysqlDatabaseOptions): TE.TaskEither<MysqlUrlFault, MysqlDatabase> =>
  pipe(
    TE.fromEither(parseMysqlUrl(url)),
    TE.bindTo("address"),
    TE.bind("ssl", ({ address }) => sslOptions(address)),
    TE.map(({ address, ssl }) => {
      const connection = makeConnection(address, ssl);
      return {
        ...makeRelationships(connection),
        groups: makeGroups(connection),
        tables: makeTables(connection),
        close: connection.close,
      };
    }),
  );
