import { sequenceS } from "fp-ts/lib/Apply.js";
import * as E from "fp-ts/lib/Either.js";
import { pipe } from "fp-ts/lib/function.js";
import * as O from "fp-ts/lib/Option.js";
import { integer } from "./codecs.ts";
import {
  type ConfigChecks,
  type Env,
  faulty,
  lookUp,
  type Read,
  type Secret,
  secret,
  sideBySide,
  withDefault,
} from "./variables.ts";

/** The existing database that relationships come from. */
export interface MysqlConfig {
  /** It may hold a password. */
  readonly url: Secret;
  /** For how long a yes is kept; 0 is not at all. */
  readonly cacheSeconds: number;
}

export const readMysql = (env: Env, checks: ConfigChecks): Read<O.Option<MysqlConfig>> =>
  pipe(
    sequenceS(sideBySide)({
      url: readMysqlUrl(env, checks),
      cacheSeconds: withDefault(
        env,
        "RELATIONSHIP_CACHE_SECONDS",
        integer(0, 3_600, "an integer from 0 to 3600"),
        0,
      ),
    }),
    E.map(({ url, cacheSeconds }) =>
      pipe(
        url,
        O.map((text) => ({ url: secret(text), cacheSeconds })),
      ),
    ),
  );

const readMysqlUrl = (env: Env, { mysqlUrlFault }: ConfigChecks): Read<O.Option<string>> =>
  pipe(
    lookUp(env, "MYSQL_URL"),
    O.traverse(E.Applicative)((text) => {
      const expected = mysqlUrlFault(text);
      return expected === undefined ? E.right(text) : faulty("MYSQL_URL", `expected ${expected}`);
    }),
  );
