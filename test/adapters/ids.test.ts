import * as fc from "fast-check";
import * as E from "fp-ts/lib/Either.js";
import { makeN3dIds } from "../../adapters/ids/mod.ts";
import type { IdCodec } from "../../core/ports/id-codec.ts";
import { fail, id, succeed } from "../contract/expect.ts";
import { testCases } from "../support/contract.ts";
import { idCases, n3d, VECTORS } from "../support/subjects/ids.ts";
import { test } from "../support/test.ts";

const INVALID_ID = { _tag: "INVALID_ID" } as const;
const UPPER = 4_294_967_295;

// Read from the right, 128 to a digit: the key whose sum is `code`.
const keyWithCode = (code: number): string =>
  code === 0 ? "" : String.fromCharCode(code % 128) + keyWithCode(Math.floor(code / 128));

const spell = (codec: IdCodec, text: string): Promise<string> => succeed(codec.encode(id(text)));
const read = (codec: IdCodec, text: string): Promise<string> => succeed(codec.decode(text));

const spelledOnce = async (codec: IdCodec, text: string): Promise<boolean> => {
  const decoded = await codec.decode(text)();
  return E.isLeft(decoded) || (await succeed(codec.encode(decoded.right))) === text;
};

testCases(idCases);

for (const { key, pairs } of VECTORS) {
  for (const [inside, outside] of pairs) {
    test(`makeN3dIds() spells ${inside} as ${outside} under ${key}`, async (t) => {
      t.is(await spell(n3d(key), inside), outside);
      t.is(await read(n3d(key), outside), inside);
    });
  }
}

const ANY_KEY = fc.stringMatching(/^[ -~]{6,110}$/);
const ANY_ID = fc.oneof(
  fc.integer({ min: 1, max: UPPER }),
  fc.integer({ min: 1, max: 5_000 }),
  fc.integer({ min: UPPER - 5_000, max: UPPER }),
);

test("makeN3dIds() reads back every id that it spells, under any key", async (t) => {
  await t.notThrowsAsync(
    fc.assert(
      fc.asyncProperty(ANY_KEY, ANY_ID, async (key, n) => {
        const codec = n3d(key);
        const spelled = await codec.encode(id(String(n)))();
        return E.isLeft(spelled) || (await succeed(codec.decode(spelled.right))) === String(n);
      }),
    ),
  );
});

test("makeN3dIds() spells the whole range under the known keys", async (t) => {
  const codecs = VECTORS.map(({ key }) => n3d(key));
  await t.notThrowsAsync(
    fc.assert(
      fc.asyncProperty(fc.constantFrom(...codecs), ANY_ID, async (codec, n) => {
        return (await read(codec, await spell(codec, String(n)))) === String(n);
      }),
      { numRuns: 1_000 },
    ),
  );
});

test("makeN3dIds() decodes no text but a canonical spelling", async (t) => {
  const codec = n3d("11EdDIaqpcim");
  const text = fc.oneof(fc.string(), fc.stringMatching(/^[0-9a-zA-Z]{1,10}$/));
  await t.notThrowsAsync(
    fc.assert(
      fc.asyncProperty(text, (any) => spelledOnce(codec, any)),
      { numRuns: 2_000 },
    ),
  );
});

test("makeN3dIds() decodes no valid id with a character appended or changed", async (t) => {
  const codec = n3d("11EdDIaqpcim");
  const character = fc.oneof(fc.stringMatching(/^[0-9a-zA-Z]$/), fc.string({ maxLength: 1 }));
  await t.notThrowsAsync(
    fc.assert(
      fc.asyncProperty(ANY_ID, character, fc.nat(9), async (n, char, at) => {
        const spelled = await spell(codec, String(n));
        return spelledOnce(codec, `${spelled.slice(0, at)}${char}${spelled.slice(at + 1)}`);
      }),
      { numRuns: 2_000 },
    ),
  );
});

test("makeN3dIds() refuses the alias that the original server takes: an id with a letter appended", async (t) => {
  const codec = n3d("11EdDIaqpcim");
  t.is(await read(codec, "kFpN4KiZn"), "1");
  for (const letter of "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") {
    t.deepEqual(await fail(codec.decode(`kFpN4KiZn${letter}`)), INVALID_ID);
  }
});

for (const text of ["0", "01", "1_", "1e3", "0x1", "4294967296", "9".repeat(64), "alice", "-1"]) {
  test(`makeN3dIds() spells no internal id ${text.slice(0, 12)}`, async (t) => {
    const answer = await fail(n3d("11EdDIaqpcim").encode(id(text)));
    t.deepEqual(answer, INVALID_ID);
  });
}

test("makeN3dIds() spells no two numbers alike under a key whose scheme would", async (t) => {
  // The scheme drops a digit of what lies in [62^8, 62^8 + 62^7): here, the ids below 100000.
  const codec = n3d(keyWithCode(62 ** 8 + 100_000));
  t.deepEqual(await fail(codec.encode(id("1"))), INVALID_ID);
  t.is(await read(codec, await spell(codec, "100001")), "100001");
});

test("makeN3dIds() takes the shortest key there is, and spells what lies within it", async (t) => {
  const code = UPPER - 62;
  const codec = n3d(keyWithCode(code));
  t.is(await read(codec, await spell(codec, "1")), "1");
  t.deepEqual(await fail(codec.encode(id(String(UPPER)))), INVALID_ID);
  t.like(makeN3dIds(keyWithCode(code - 1)), { left: { _tag: "TOO_SHORT" } });
});

for (const [what, key, fault] of [
  ["empty", "", "EMPTY"],
  ["not ASCII", "schlüssel-schlüssel", "NOT_ASCII"],
  ["not ASCII, in an astral plane", "key-key-key-🔑", "NOT_ASCII"],
  ["too short", "tiny", "TOO_SHORT"],
  ["too long", "~".repeat(140), "TOO_LONG"],
] as const) {
  test(`makeN3dIds() refuses a key that is ${what}, and does not tell it`, (t) => {
    const made = makeN3dIds(key);
    t.like(made, { _tag: "Left", left: { _tag: fault } });
    t.true(key === "" || !JSON.stringify(made).includes(key));
  });
}
