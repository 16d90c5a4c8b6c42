import { Socket } from "node:net";
import { pipe } from "fp-ts/lib/function.js";
import * as O from "fp-ts/lib/Option.js";
import * as TE from "fp-ts/lib/TaskEither.js";
import type * as t from "io-ts";
import mysql, { type Pool, type PoolConnection, type SslOptions } from "mysql2";
import { decode, type StoreUnavailable, storeUnavailable } from "../../core/mod.ts";
import type { MysqlAddress } from "./address.ts";

/** Asks a database that may be away: every answer, or the fault, comes within the deadline. */
export interface Connection {
  /** Runs a prepared SELECT, `?` standing for unsigned integers, and decodes its rows. */
  readonly ask: <A>(
    sql: string,
    values: ReadonlyArray<number>,
    rows: t.Decoder<unknown, A>,
  ) => TE.TaskEither<StoreUnavailable, A>;
  readonly close: () => Promise<void>;
}

/** How long a question may take, the wait for a connection included. */
const QUERY_MS = 1_000;

const CONNECTIONS = 10;
const IDLE_CONNECTIONS = 5;
/** As many are asked in a fraction of the deadline; whoever comes after them is refused at once. */
const MOST_WAITING = 1_000;

// Whoever is late is not waited for, but the server would go on: behind a lock, or through a table
// without an index. Each comment is for one kind of server, which reads what is in it; the other does not.
const SESSION =
  "SET SESSION lock_wait_timeout = 1" +
  " /*!50708 , SESSION max_execution_time = 1000 */" +
  " /*M!100100 , SESSION max_statement_time = 1 */";

/** Prepares a pool; nothing is connected before it is asked something. */
export const makeConnection = (
  { host, port, user, password, database }: MysqlAddress,
  ssl: O.Option<SslOptions>,
): Connection => {
  const pool = mysql.createPool({
    ...{ host, port, user, password, database },
    ...(O.isSome(ssl) ? { ssl: ssl.value } : {}),
    connectTimeout: QUERY_MS,
    connectionLimit: CONNECTIONS,
    maxIdle: IDLE_CONNECTIONS,
    gracefulEnd: true,
    queueLimit: MOST_WAITING,
    trace: false,
  });
  const open = new Set<PoolConnection>();
  pool.on("connection", (connection: PoolConnection) => {
    open.add(connection);
    // Each question has its own error; without a listener one in between would end the process.
    connection.on("error", () => {});
    socketOf(connection)?.once("close", () => open.delete(connection));
    // A proxy that knows no such settings serves all the same.
    connection.query(SESSION, () => {});
  });
  return {
    ask: (sql, values, rows) =>
      pipe(
        TE.tryCatch(() => answer(pool, sql, values), unavailable),
        TE.chainEitherKW(decode(rows, "rows")),
        TE.mapLeft((fault) =>
          fault._tag === "STORE_UNAVAILABLE"
            ? fault
            : storeUnavailable(`mysql: ${fault.field}: expected ${fault.expected}`),
        ),
      ),
    close: async () => {
      pool.end(() => {});
      for (const connection of open) {
        // The goodbye has been written: a server that is stopped would never end its side.
        socketOf(connection)?.destroySoon();
      }
    },
  };
};

const answer = (pool: Pool, sql: string, values: ReadonlyArray<number>): Promise<unknown> =>
  new Promise((resolve, reject) => {
    let lent: PoolConnection | undefined;
    let over = false;
    const finish = (settle: () => void): void => {
      over = true;
      clearTimeout(timer);
      settle();
    };
    const giveUp = (fault: unknown): void => {
      if (!over) {
        // Nobody knows what is wrong with the connection: it is not put back.
        finish(() => reject(fault));
        discard(lent);
      }
    };
    const timer = setTimeout(() => giveUp(new Error(`no answer within ${QUERY_MS} ms`)), QUERY_MS);
    pool.getConnection((fault, connection) => {
      if (over) {
        // It was waited for in vain, and is as good as new.
        connection?.release();
        return;
      }
      if (fault !== null) {
        giveUp(fault);
        return;
      }
      lent = connection;
      connection.execute(sql, values.map(mysql.TypedParameter.LONG.unsigned), (failed, rows) => {
        if (failed !== null) {
          giveUp(failed);
        } else if (!over) {
          finish(() => resolve(rows));
          connection.release();
        }
      });
    });
  });

const discard = (connection: PoolConnection | undefined): void => {
  connection?.destroy();
  // mysql2 waits for the server to end its side, which one that is stopped never does.
  socketOf(connection)?.destroy();
};

const socketOf = (connection: PoolConnection | undefined): Socket | undefined =>
  connection !== undefined && "stream" in connection && connection.stream instanceof Socket
    ? connection.stream
    : undefined;

/** Says what failed. MySQL's messages name users, databases and tables, never a password or a value. */
const unavailable = (fault: unknown): StoreUnavailable =>
  storeUnavailable(`mysql: ${reasonOf(fault)}`);

const reasonOf = (fault: unknown): string => {
  if (!(fault instanceof Error)) {
    return String(fault);
  }
  // Of several addresses that all failed the message says nothing.
  return fault.message === "" && "code" in fault ? String(fault.code) : fault.message;
};
