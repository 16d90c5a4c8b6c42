import * as E from "fp-ts/lib/Either.js";
import { pipe } from "fp-ts/lib/function.js";
import * as J from "fp-ts/lib/Json.js";
import * as t from "io-ts";
import { type StoreUnavailable, storeUnavailable } from "../../core/mod.ts";

/** How a value is kept as text. */
export interface Versioned<A> {
  readonly write: (value: A) => string;
  /** Reads what is kept under a key; a foreign or damaged value is an error that names the key. */
  readonly read: (key: string, text: string) => E.Either<StoreUnavailable, A>;
}

/** Values as JSON with a version. */
export const versioned = <A>(codec: t.Type<A, unknown, unknown>): Versioned<A> => {
  const Stored = t.type({ v: t.literal(1), value: codec });
  return {
    write: (value) => JSON.stringify(Stored.encode({ v: 1, value })),
    read: (key, text) =>
      pipe(
        J.parse(text),
        E.chainW(Stored.decode),
        E.bimap(
          () => storeUnavailable(`a value in ${key} is damaged or not ours`),
          ({ value }) => value,
        ),
      ),
  };
};
