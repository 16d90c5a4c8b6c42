import { X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import { pipe } from "fp-ts/lib/function.js";
import * as O from "fp-ts/lib/Option.js";
import * as TE from "fp-ts/lib/TaskEither.js";
import type { SslOptions } from "mysql2";
import { type MysqlAddress, type MysqlUrlFault, urlFault } from "./address.ts";

/** What mysql2 is told of TLS, with the certificates that the address names; none: no TLS. */
export const sslOptions = ({
  sslMode,
  sslCa,
}: MysqlAddress): TE.TaskEither<MysqlUrlFault, O.Option<SslOptions>> =>
  sslMode === "DISABLED"
    ? TE.right(O.none)
    : pipe(
        sslCa,
        O.traverse(TE.ApplicativePar)(readCertificates),
        TE.map((ca) =>
          O.some({
            rejectUnauthorized: sslMode !== "REQUIRED",
            verifyIdentity: sslMode === "VERIFY_IDENTITY",
            ...(O.isSome(ca) ? { ca: ca.value } : {}),
          }),
        ),
      );

// Tried here: mysql2 would only find out within a connection, and TLS skips what is no certificate.
const readCertificates = (path: string): TE.TaskEither<MysqlUrlFault, string> =>
  TE.tryCatch(
    async () => {
      const pem = await readFile(path, "utf8");
      new X509Certificate(pem);
      return pem;
    },
    () => urlFault("ssl-ca to name a file of certificates, as PEM"),
  );
