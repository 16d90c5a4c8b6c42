/**
 * N3D: unsigned 32-bit ids, spelled under a deployment's key as SealTalk spells them. It hides
 * sequence numbers and authenticates nothing.
 *
 * @module
 */
import * as E from "fp-ts/lib/Either.js";
import { pipe } from "fp-ts/lib/function.js";
import * as O from "fp-ts/lib/Option.js";
import * as TE from "fp-ts/lib/TaskEither.js";
import { Id, type IdCodec, type InvalidId, WireId } from "../../core/mod.ts";

const ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
const RADIX = ALPHABET.length;
const LOWER = 1;
const UPPER = 4_294_967_295;

/** What is wrong with a key: `expected` ends the sentence "expected …". It never holds the key. */
export interface N3dKeyFault {
  readonly _tag: "EMPTY" | "NOT_ASCII" | "TOO_SHORT" | "TOO_LONG";
  readonly expected: string;
}

const faultOf = (key: string, code: number): O.Option<N3dKeyFault> => {
  if (key === "") {
    return O.some({ _tag: "EMPTY", expected: "a key that is not empty" });
  }
  if (/[^\p{ASCII}]/u.test(key)) {
    return O.some({ _tag: "NOT_ASCII", expected: "a key of ASCII characters only" });
  }
  if (code + RADIX < UPPER) {
    return O.some({ _tag: "TOO_SHORT", expected: "a longer key: its ids would run out" });
  }
  return Number.isSafeInteger(code)
    ? O.none
    : O.some({ _tag: "TOO_LONG", expected: "a shorter key: its sum is no safe integer" });
};

const keyCode = (key: string): number =>
  [...key].reduce((sum, char, i) => sum + char.charCodeAt(0) * 128 ** (i % 7), 0);

const drawTable = (chars: string, seed: number): string => {
  const pool = [...chars];
  const table: string[] = [];
  for (let left = RADIX; left > 0; left -= 1) {
    table.push(...pool.splice(seed % left, 1, ...pool.slice(left - 1, left)));
  }
  return table.join("");
};

const drawTables = (code: number): ReadonlyArray<string> => {
  const tables: string[] = [];
  let chars = ALPHABET;
  for (let j = 0; j < RADIX; j += 1) {
    chars = drawTable(chars, code - RADIX + j);
    tables.push(chars);
  }
  return tables;
};

interface Spelling {
  readonly spell: (n: number) => string;
  readonly read: (text: string) => number;
}

const modulo = (n: number): number => ((n % RADIX) + RADIX) % RADIX;

const spelling = (code: number): Spelling => {
  const tables = drawTables(code);
  const [first = ""] = tables;
  const table = (digit: number): string => tables[digit] ?? "";
  return {
    spell: (n) => {
      let rest = code - n;
      let digit = modulo(rest);
      let text = first.charAt(digit);
      const chosen = table(digit);
      let place = 0;
      while (rest > RADIX) {
        rest = (rest - digit) / RADIX;
        digit = modulo(rest);
        place = modulo(digit + place);
        text += chosen.charAt(place);
      }
      return text;
    },
    read: (text) => {
      const digit = first.indexOf(text.charAt(0));
      const chosen = table(digit);
      let sum = digit;
      let previous = 0;
      for (let i = 1; i < text.length; i += 1) {
        const place = chosen.indexOf(text.charAt(i));
        sum += modulo(place - previous) * RADIX ** i;
        previous = place;
      }
      return code - sum;
    },
  };
};

const CANONICAL_DECIMAL = /^[1-9]\d{0,9}$/;

const isInRange = (n: number): boolean => n >= LOWER && n <= UPPER;

const makeCodec = ({ spell, read }: Spelling): IdCodec => {
  const longest = spell(LOWER).length;
  const orInvalid = TE.fromOption((): InvalidId => ({ _tag: "INVALID_ID" }));
  return {
    encode: (id) =>
      pipe(
        O.some(id),
        O.filter((text) => CANONICAL_DECIMAL.test(text)),
        O.map(Number),
        O.filter(isInRange),
        // Under some keys the scheme gives two numbers one spelling: only the one it reads back is spelled.
        O.filter((n) => read(spell(n)) === n),
        O.map(spell),
        O.filter(WireId.is),
        orInvalid,
      ),
    decode: (text) =>
      pipe(
        O.some(text),
        O.filter(({ length }) => length > 0 && length <= longest),
        O.map(read),
        O.filter(isInRange),
        // An unknown character and an alias are both not what the number read is spelled as.
        O.filter((n) => spell(n) === text),
        O.map(String),
        O.filter(Id.is),
        orInvalid,
      ),
  };
};

/**
 * The codec of a deployment with an N3D key: inside, an id is a canonical decimal from 1 to
 * 4294967295; on the wire it is its one spelling under the key. Ids that the key cannot spell
 * apart from another are `INVALID_ID`.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { isRight, left, right } from "fp-ts/lib/Either.js";
 * import { makeN3dIds } from "sealtalk-misc/ids";
 *
 * const ids = makeN3dIds("11EdDIaqpcim");
 * assert.ok(isRight(ids));
 * assert.deepEqual(await ids.right.decode("kFpN4KiZn")(), right("1"));
 * assert.deepEqual(await ids.right.decode("kFpN4KiZn0")(), left({ _tag: "INVALID_ID" }));
 * assert.equal(makeN3dIds("key")._tag, "Left");
 * ```
 */
export const makeN3dIds = (key: string): E.Either<N3dKeyFault, IdCodec> => {
  const code = keyCode(key);
  return pipe(
    faultOf(key, code),
    O.match(() => E.right(makeCodec(spelling(code))), E.left),
  );
};
