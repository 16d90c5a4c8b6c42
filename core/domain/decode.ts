/**
 * What io-ts says of a value from outside, in terms of the field that is wrong and what it must be.
 * A codec's name is the end of the sentence "expected …".
 *
 * @module
 */
import * as E from "fp-ts/lib/Either.js";
import { flow, pipe } from "fp-ts/lib/function.js";
import * as O from "fp-ts/lib/Option.js";
import * as RA from "fp-ts/lib/ReadonlyArray.js";
import * as NEA from "fp-ts/lib/ReadonlyNonEmptyArray.js";
import * as t from "io-ts";
import { type InvalidInput, invalidInput } from "./errors.ts";

/**
 * Decodes `value`, or names the first field that is wrong by its dotted path. `whole` is what the
 * value itself is called when it is no object at all.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import * as t from "io-ts";
 * import { left } from "fp-ts/lib/Either.js";
 * import { decode } from "sealtalk-misc";
 *
 * const body = decode(t.type({ targetId: t.string }), "body");
 * assert.deepEqual(
 *   body({ targetId: 7 }),
 *   left({ _tag: "INVALID_INPUT", field: "targetId", expected: "string" }),
 * );
 * ```
 */
export const decode =
  <A>(
    codec: t.Decoder<unknown, A>,
    whole: string,
  ): ((value: unknown) => E.Either<InvalidInput, A>) =>
  (value) =>
    E.mapLeft(([first]: NEA.ReadonlyNonEmptyArray<InvalidInput>) => first)(
      decodeAll(codec, whole)(value),
    );

/**
 * Decodes `value`, or names every field that is wrong, each once.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import * as t from "io-ts";
 * import { isLeft } from "fp-ts/lib/Either.js";
 * import { decodeAll } from "sealtalk-misc";
 *
 * const read = decodeAll(t.type({ name: t.string, size: t.number }), "file")({});
 * assert.ok(isLeft(read));
 * assert.deepEqual(
 *   read.left.map(({ field }) => field),
 *   ["name", "size"],
 * );
 * ```
 */
export const decodeAll =
  <A>(
    codec: t.Decoder<unknown, A>,
    whole: string,
  ): ((value: unknown) => E.Either<NEA.ReadonlyNonEmptyArray<InvalidInput>, A>) =>
  (value) =>
    pipe(
      codec.decode(value),
      E.mapLeft(
        flow(
          RA.map((error) => faultAt(error.context, whole)),
          NEA.fromReadonlyArray,
          O.getOrElse(() => NEA.of(invalidInput(whole, codec.name))),
          NEA.uniq({ equals: (a, b) => a.field === b.field }),
        ),
      ),
    );

const faultAt = (context: t.Context, whole: string): InvalidInput => {
  const path: string[] = [];
  let expected = "";
  let parent: t.Decoder<unknown, unknown> | undefined;
  for (const { key, type } of context) {
    if (parent instanceof t.UnionType) {
      break;
    }
    if (key !== "" && !(parent instanceof t.IntersectionType)) {
      path.push(key);
    }
    expected = type.name;
    parent = type instanceof t.ReadonlyType ? type.type : type;
  }
  return invalidInput(path.length === 0 ? whole : path.join("."), expected);
};

/**
 * The codec of a type that a guard tells: what it lets through is taken as it is. `expected` ends
 * the sentence "expected …".
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { guarded } from "sealtalk-misc";
 *
 * const Digit = guarded("a digit", (value): value is string => /^\d$/.test(String(value)));
 * assert.equal(Digit.is("7"), true);
 * ```
 */
export const guarded = <A>(
  expected: string,
  is: (value: unknown) => value is A,
): t.Type<A, A, unknown> =>
  new t.Type(
    expected,
    is,
    (value, context) => (is(value) ? t.success(value) : t.failure(value, context)),
    t.identity,
  );

/**
 * Any string.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { Text } from "sealtalk-misc";
 *
 * assert.equal(Text.is(""), true);
 * ```
 */
export const Text: t.Type<string, string, unknown> = guarded("a string", t.string.is);

/**
 * A string that is not empty.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { NonEmptyText } from "sealtalk-misc";
 *
 * assert.equal(NonEmptyText.is(""), false);
 * ```
 */
export const NonEmptyText: t.Type<string, string, unknown> = guarded(
  "a string that is not empty",
  (value): value is string => typeof value === "string" && value !== "",
);
