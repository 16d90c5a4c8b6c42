import * as E from "fp-ts/lib/Either.js";
import { pipe } from "fp-ts/lib/function.js";
import * as O from "fp-ts/lib/Option.js";

/** How far a connection is encrypted and its server known: MySQL's own names. */
export type SslMode = "DISABLED" | "REQUIRED" | "VERIFY_CA" | "VERIFY_IDENTITY";

/** Where a MySQL or MariaDB database is, and who asks it. */
export interface MysqlAddress {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
  readonly sslMode: SslMode;
  /** The path of the certificates that vouch for the server. None: the well-known ones. */
  readonly sslCa: O.Option<string>;
}

/** Why a URL, or what it names, cannot serve. Holds nothing of it. */
export interface MysqlUrlFault {
  readonly _tag: "MYSQL_URL_FAULT";
  /** What it must be, as the end of "expected …". */
  readonly expected: string;
}

const DEFAULT_PORT = 3_306;
const SSL_MODES = ["DISABLED", "REQUIRED", "VERIFY_CA", "VERIFY_IDENTITY"] as const;
const A_URL = "mysql://user:password@host:3306/database, each part percent-encoded";

/**
 * Reads a URL: `mysql://user:password@host:3306/database`, each part percent-encoded, and after a
 * `?` MySQL's own `ssl-mode` (DISABLED unless it says otherwise) and `ssl-ca` (a path).
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { isLeft, isRight } from "fp-ts/lib/Either.js";
 * import { parseMysqlUrl } from "sealtalk-misc/mysql";
 *
 * const read = parseMysqlUrl("mysql://misc:p%40ss@db.example/sealtalk?ssl-mode=VERIFY_IDENTITY");
 * assert.ok(isRight(read));
 * assert.equal(read.right.password, "p@ss");
 * assert.equal(read.right.sslMode, "VERIFY_IDENTITY");
 *
 * assert.ok(isLeft(parseMysqlUrl("mysql://misc@db.example")));
 * ```
 */
export const parseMysqlUrl = (url: string): E.Either<MysqlUrlFault, MysqlAddress> =>
  pipe(
    partsOf(url),
    E.fromOption(() => urlFault(A_URL)),
    E.bindTo("parts"),
    E.bind("ssl", ({ parts }) => sslOf(parts.host, parts.query)),
    E.map(({ parts: { query: _read, ...address }, ssl }) => ({ ...address, ...ssl })),
  );

/** A fault of the URL, or of what it names. */
export const urlFault = (expected: string): MysqlUrlFault => ({
  _tag: "MYSQL_URL_FAULT",
  expected,
});

type Parts = Omit<MysqlAddress, "sslMode" | "sslCa"> & { readonly query: URLSearchParams };

const partsOf = (text: string): O.Option<Parts> =>
  pipe(
    O.tryCatch(() => new URL(text)),
    O.filter(({ protocol, hash }) => protocol === "mysql:" && hash === ""),
    // A text that has to be changed to be a URL is rather a slip.
    O.filter(() => /^mysql:\/\/[^\s\\]+$/iu.test(text)),
    O.chain(({ hostname, port, username, password, pathname, searchParams }) =>
      O.tryCatch(() => ({
        host: hostname.replace(/^\[|\]$/g, ""),
        port: port === "" ? DEFAULT_PORT : Number(port),
        user: decodeURIComponent(username),
        password: decodeURIComponent(password),
        database: decodeURIComponent(pathname.slice(1)),
        query: searchParams,
      })),
    ),
    O.filter(({ port, host, user }) => port > 0 && host !== "" && user !== ""),
    O.filter(({ database }) => database !== "" && !database.includes("/")),
  );

type Ssl = Pick<MysqlAddress, "sslMode" | "sslCa">;

const sslOf = (host: string, query: URLSearchParams): E.Either<MysqlUrlFault, Ssl> => {
  const names = [...query.keys()];
  const asked = query.get("ssl-mode")?.toUpperCase() ?? "DISABLED";
  const sslMode = SSL_MODES.find((mode) => mode === asked);
  const sslCa = O.fromNullable(query.get("ssl-ca"));
  if (
    names.some((name) => name !== "ssl-mode" && name !== "ssl-ca") ||
    new Set(names).size < names.length
  ) {
    return E.left(urlFault("nothing after the ? but ssl-mode and ssl-ca, each once at most"));
  }
  if (sslMode === undefined) {
    return E.left(urlFault(`an ssl-mode of ${SSL_MODES.join(", ")}`));
  }
  const verifies = sslMode === "VERIFY_CA" || sslMode === "VERIFY_IDENTITY";
  if (O.isSome(sslCa) && (!verifies || sslCa.value.trim() === "")) {
    return E.left(
      urlFault("ssl-ca to be a path, with an ssl-mode of VERIFY_CA or VERIFY_IDENTITY"),
    );
  }
  // Of an address mysql2 verifies another name: it asks TLS about localhost.
  return sslMode === "VERIFY_IDENTITY" && isAddress(host)
    ? E.left(urlFault("the name of a host, not its address, with ssl-mode=VERIFY_IDENTITY"))
    : E.right({ sslMode, sslCa });
};

const isAddress = (host: string): boolean => /^[\d.]+$/.test(host) || host.includes(":");
