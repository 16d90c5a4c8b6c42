/**
 * Variables of an environment: each is decoded once, and every fault is reported.
 *
 * @module
 */

import type { Applicative2C } from "fp-ts/lib/Applicative.js";
import { sequenceS } from "fp-ts/lib/Apply.js";
import * as E from "fp-ts/lib/Either.js";
import { pipe } from "fp-ts/lib/function.js";
import * as O from "fp-ts/lib/Option.js";
import * as RA from "fp-ts/lib/ReadonlyArray.js";
import type * as t from "io-ts";
import { decode } from "../../core/mod.ts";
import { NotBlank } from "./codecs.ts";

/** A variable that is not what it must be. Never holds the value. */
export interface ConfigFault {
  readonly variable: string;
  readonly message: string;
}

/** A text that nothing prints by accident. */
export interface Secret {
  readonly reveal: () => string;
}

/** What only other adapters can check. */
export interface ConfigChecks {
  /** What was expected of a key that is no N3D key, as the end of "expected …". */
  readonly n3dKeyFault: (key: string) => string | undefined;
  /** What was expected of a URL that is none of a MySQL database, as the end of "expected …". */
  readonly mysqlUrlFault: (url: string) => string | undefined;
  /** Whether a server is to be run: then production needs what a server there cannot do without. */
  readonly serving: boolean;
}

/** An environment. An empty variable is an unset one. */
export type Env = Readonly<Record<string, string | undefined>>;

/** What a variable says, or what is wrong. */
export type Read<A> = E.Either<ReadonlyArray<ConfigFault>, A>;

/** Reads parts side by side: what is wrong with one hides nothing that is wrong with another. */
export const sideBySide: Applicative2C<
  "Either",
  ReadonlyArray<ConfigFault>
> = E.getApplicativeValidation(RA.getSemigroup<ConfigFault>());

export const faulty = (variable: string, message: string): Read<never> =>
  E.left([{ variable, message }]);

export const lookUp = (env: Env, variable: string): O.Option<string> =>
  pipe(
    O.fromNullable(env[variable]),
    O.filter((value) => value !== ""),
  );

export const isSet = (env: Env, variable: string): boolean => O.isSome(lookUp(env, variable));

export const optional = <A>(
  env: Env,
  variable: string,
  codec: t.Decoder<unknown, A>,
): Read<O.Option<A>> =>
  pipe(
    lookUp(env, variable),
    O.traverse(E.Applicative)(decode(codec, variable)),
    E.mapLeft(({ expected }) => [{ variable, message: `expected ${expected}` }]),
  );

export const withDefault = <A>(
  env: Env,
  variable: string,
  codec: t.Decoder<unknown, A>,
  byDefault: A,
): Read<A> => pipe(optional(env, variable, codec), E.map(O.getOrElse(() => byDefault)));

export const secret = (text: string): Secret => ({ reveal: () => text });

export const isSetTo = (env: Env, variable: string, value: string): boolean =>
  env[variable] === value;

export const isProduction = (env: Env): boolean =>
  pipe(
    lookUp(env, "NODE_ENV"),
    O.exists((name) => name.toLowerCase() === "production"),
  );

/** Both of two variables, or none; that one is missing is the missing one's fault. */
export const bothOrNeither = (
  env: Env,
  first: string,
  second: string,
  firstCodec: t.Decoder<unknown, string> = NotBlank,
): Read<O.Option<{ readonly first: string; readonly second: string }>> => {
  const partner = (
    variable: string,
    other: string,
    codec: t.Decoder<unknown, string>,
  ): Read<O.Option<string>> =>
    isSet(env, other) && !isSet(env, variable)
      ? faulty(variable, `expected to be set together with ${other}`)
      : optional(env, variable, codec);
  return pipe(
    sequenceS(sideBySide)({
      first: partner(first, second, firstCodec),
      second: partner(second, first, NotBlank),
    }),
    E.map(sequenceS(O.Apply)),
  );
};
