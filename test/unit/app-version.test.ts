import * as fc from "fast-check";
import * as E from "fp-ts/lib/Either.js";
import { AppVersion, isUpdate, parseAppVersion } from "../../core/domain/app-version.ts";
import { test } from "../support/test.ts";

const number = fc.nat({ max: 20 });
const identifier = fc.oneof(
  number.map(String),
  fc.stringMatching(/^[0-9A-Za-z-]{0,3}[A-Za-z-][0-9A-Za-z-]{0,3}$/),
);
const suffix = (sign: string): fc.Arbitrary<string> =>
  fc
    .array(identifier, { maxLength: 3 })
    .map((parts) => (parts.length === 0 ? "" : sign + parts.join(".")));
const version = fc
  .tuple(fc.constantFrom("", "v"), number, number, number, suffix("-"), suffix("+"))
  .map(([v, major, minor, patch, pre, build]) => `${v}${major}.${minor}.${patch}${pre}${build}`)
  .filter(AppVersion.is);

const v = (text: string): AppVersion => {
  if (!AppVersion.is(text)) {
    throw new Error(`not a version: ${text}`);
  }
  return text;
};

test("isUpdate() never offers both of two versions to each other", (t) => {
  t.notThrows(() =>
    fc.assert(fc.property(version, version, (a, b) => !(isUpdate(a, b) && isUpdate(b, a)))),
  );
});

for (const [current, candidate, expected] of [
  ["1.9.0", "1.10.0", true],
  ["1.10.0", "1.9.0", false],
  ["1.0.2", "1.0.2", false],
  ["1.0.2-beta.1", "1.0.2", true],
  ["1.0.2", "1.0.2-beta.1", false],
  ["1.0.2", "1.0.2+7", false],
  ["v1.0.2", "1.0.3", true],
] as const) {
  test(`isUpdate() says ${expected} to ${candidate} over ${current}`, (t) => {
    t.is(isUpdate(v(current), v(candidate)), expected);
  });
}

for (const text of [
  "",
  "abc",
  "1",
  "1.0",
  "1.0.0.0",
  "01.0.0",
  "1.0.0-",
  "=1.0.0",
  ">=1.0.0",
  " 1.0.0",
  "1.0.0\t",
  "constructor",
  "9007199254740992.0.0",
]) {
  test(`parseAppVersion() refuses ${JSON.stringify(text)}`, (t) => {
    t.deepEqual(parseAppVersion(text), E.left({ _tag: "INVALID_VERSION" }));
  });
}

test("parseAppVersion() takes 256 characters and refuses 257", (t) => {
  const long = `1.0.0-${"a".repeat(250)}`;
  t.is(long.length, 256);
  t.true(E.isRight(parseAppVersion(long)));
  t.true(E.isLeft(parseAppVersion(`${long}a`)));
});
