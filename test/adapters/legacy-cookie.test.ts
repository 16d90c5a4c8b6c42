import * as fc from "fast-check";
import * as E from "fp-ts/lib/Either.js";
import {
  type LegacyCookieOptions,
  makeSessions,
  type Session,
  type SessionOptions,
  type Sessions,
  signSession,
} from "../../adapters/session/mod.ts";
import { fail, id, succeed } from "../contract/expect.ts";
import { encryptLegacyCookie, legacyCookie, md5 } from "../contract/legacy-cookie.ts";
import { test } from "../support/test.ts";

const NAME = "rong_auth_cookie";
const PASSWORD = "cookiekey";
const DAY_MS = 86_400_000;
const NOW = Date.UTC(2026, 0, 1);
const UNAUTHENTICATED = { _tag: "UNAUTHENTICATED" } as const;
const secret = new TextEncoder().encode("a secret of thirty-two bytes, or");

// Known values of such a deployment, under the password "cookiekey".
const KNOWN = [
  {
    user: "1",
    value: "897894e95d061c1af63dd136d13e7f4d6dd0bfe7",
    salt: "1234",
    issuedAt: 1_700_000_000_000,
  },
  {
    user: "42",
    value: "81739ee55d035257f03ad730d13e7f4d6dd0bfe720",
    salt: "9998",
    issuedAt: 1_766_000_000_000,
  },
  {
    user: "4294967295",
    value: "8d7f92e85d035212f534d731d3377a016cd7b9e120eca6ad317f2fb3da",
    salt: "5555",
    issuedAt: 1_766_000_000_001,
  },
] as const;

const sessionsAt = (
  now: number,
  legacy: Partial<LegacyCookieOptions> = {},
  options: Partial<SessionOptions> = {},
): Sessions =>
  makeSessions({
    secret,
    cookie: "session",
    now: () => now,
    ...options,
    legacyCookie: { name: NAME, password: PASSWORD, maxAgeMs: 30 * DAY_MS, md5, ...legacy },
  });

const sessions = sessionsAt(NOW);

const withCookie = (
  cookie: string,
  verifier: Sessions = sessions,
): ReturnType<Sessions["verify"]> => verifier.verify({ authorization: undefined, cookie });

const withValue = (value: string, verifier?: Sessions): ReturnType<Sessions["verify"]> =>
  withCookie(`${NAME}=${value}`, verifier);

const withText = (text: string | Uint8Array): ReturnType<Sessions["verify"]> =>
  withValue(encryptLegacyCookie(PASSWORD, text));

const asUser = (user: string): Session => ({ user: id(user), by: "cookie" });

for (const { user, value, salt, issuedAt } of KNOWN) {
  test(`makeSessions() reads the known legacy cookie of user ${user}`, async (t) => {
    t.is(encryptLegacyCookie(PASSWORD, `${salt}|${user}|${issuedAt}`), value);
    t.deepEqual(await succeed(withValue(value, sessionsAt(issuedAt))), asUser(user));
  });
}

test("makeSessions() takes no legacy cookie unless it is told of one", async (t) => {
  const without = makeSessions({ secret, cookie: "session", now: () => NOW });
  const value = legacyCookie(PASSWORD, "1", NOW);
  t.deepEqual(await fail(withValue(value, without)), UNAUTHENTICATED);
  t.deepEqual(await fail(withCookie(`session=${value}`)), UNAUTHENTICATED);
  t.deepEqual(await fail(withCookie(`other=${value}`)), UNAUTHENTICATED);
});

test("makeSessions() reads a legacy cookie under its password alone", async (t) => {
  for (const password of ["cookiekez", "CookieKey", "cookiekey ", "密码"]) {
    const value = legacyCookie(password, "1", NOW);
    t.deepEqual(await fail(withValue(value)), UNAUTHENTICATED);
    t.deepEqual(await succeed(withValue(value, sessionsAt(NOW, { password }))), asUser("1"));
  }
});

// A warning, and why start-up logs one: this is not a fault of ours that could be mended. The same
// key stream covers every cookie, and there is nothing in one to tell that it was changed.
test("a legacy cookie cannot be authenticated: one byte changed is another user", async (t) => {
  const own = Buffer.from(legacyCookie(PASSWORD, "1", NOW), "hex");
  const forged = Buffer.from(own);
  const at = "1234|".length;
  forged.writeUInt8(own.readUInt8(at) ^ "1".charCodeAt(0) ^ "2".charCodeAt(0), at);
  t.deepEqual(await succeed(withValue(own.toString("hex"))), asUser("1"));
  t.deepEqual(await succeed(withValue(forged.toString("hex"))), asUser("2"));
});

for (const [what, issuedAt, expected] of [
  ["issued now", NOW, true],
  ["as old as one may be", NOW - 30 * DAY_MS, true],
  ["a millisecond older", NOW - 30 * DAY_MS - 1, false],
  ["issued at the epoch", 0, false],
  ["five minutes ahead", NOW + 5 * 60_000, true],
  ["a millisecond further ahead", NOW + 5 * 60_000 + 1, false],
  ["of the farthest future", Number.MAX_SAFE_INTEGER, false],
] as const) {
  test(`makeSessions() ${expected ? "takes" : "refuses"} a legacy cookie ${what}`, async (t) => {
    t.is(E.isRight(await withValue(legacyCookie(PASSWORD, "1", issuedAt))()), expected);
  });
}

test("makeSessions() takes a legacy cookie for as long as it is told", async (t) => {
  const value = legacyCookie(PASSWORD, "1", NOW - 2 * DAY_MS);
  t.deepEqual(await fail(withValue(value, sessionsAt(NOW, { maxAgeMs: DAY_MS }))), UNAUTHENTICATED);
  t.deepEqual(
    await succeed(withValue(value, sessionsAt(NOW, { maxAgeMs: 2 * DAY_MS }))),
    asUser("1"),
  );
});

for (const user of ["1", "9", "10", "4294967295"]) {
  test(`makeSessions() takes the user id ${user} from a legacy cookie`, async (t) => {
    t.deepEqual(await succeed(withText(`1234|${user}|${NOW}`)), asUser(user));
  });
}

for (const text of [
  ...["0", "01", "-1", "+1", "1.0", "1e3", "0x1", " 1", "1 ", "", "alice", "१", "4294967296"].map(
    (user) => `1234|${user}|${NOW}`,
  ),
  ...["", "1", "123", "12345", "12a4", " 234", "-123", "1.23", "١٢٣٤"].map(
    (salt) => `${salt}|1|${NOW}`,
  ),
  ...["", "-1", "x", `${NOW}.0`, `0${NOW}`, ` ${NOW}`, `${NOW}\n`, "1e12", "Infinity", "NaN"].map(
    (issuedAt) => `1234|1|${issuedAt}`,
  ),
  `\u{FEFF}1234|1|${NOW}`,
  `1234|1|${NOW}|`,
  `1234|1|${NOW}\u0000`,
  `1234|1|2|${NOW}`,
  `1234|1${NOW}`,
  `12341${NOW}`,
  `{"user":1,"at":${NOW}}`,
]) {
  test(`makeSessions() refuses a legacy cookie that says ${JSON.stringify(text)}`, async (t) => {
    t.deepEqual(await fail(withText(text)), UNAUTHENTICATED);
  });
}

const good = legacyCookie(PASSWORD, "1", NOW);

for (const [what, value] of [
  ["empty", ""],
  ["a single digit", "8"],
  ["an odd number of digits", good.slice(1)],
  ["one digit more", `${good}0`],
  ["upper case", good.toUpperCase()],
  ["quoted", `"${good}"`],
  ["percent-encoded", good.replace(/../g, "%$&")],
  ["percent-encoded in one place", good.replace("8", "%38")],
  ["a broken percent-encoding", `${good.slice(0, -2)}%z`],
  ["other letters", good.replace(/^../, "zz")],
  ["base64", Buffer.from(good, "hex").toString("base64")],
  ["a JWT", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.AA"],
  ["a space inside", `${good.slice(0, 10)} ${good.slice(10)}`],
  ["a megabyte", "89".repeat(524_288)],
  ["bytes that are not UTF-8", encryptLegacyCookie(PASSWORD, Buffer.alloc(20, 0xff))],
  ["nothing encrypted", Buffer.from(`1234|1|${NOW}`).toString("hex")],
  ["one character of the name more", `=${good}`],
] as const) {
  test(`makeSessions() refuses a legacy cookie that is ${what}`, async (t) => {
    t.deepEqual(await fail(withValue(value)), UNAUTHENTICATED);
  });
}

test("makeSessions() answers to any legacy cookie, and knows nobody by most", async (t) => {
  await t.notThrowsAsync(
    fc.assert(
      fc.asyncProperty(
        fc.oneof(
          fc.string({ unit: "binary" }),
          fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes).toString("hex")),
        ),
        async (value) => E.isLeft(await withValue(value)()),
      ),
    ),
  );
});

test("makeSessions() looks at the Bearer token, then its own cookie, then the legacy one", async (t) => {
  const expiresAt = NOW + DAY_MS;
  const [bearer, cookie] = await Promise.all(
    ["2", "3"].map((user) => signSession({ secret, user: id(user), expiresAt, now: () => NOW })()),
  );
  for (const [authorization, header, expected] of [
    [`Bearer ${bearer}`, `session=${cookie}; ${NAME}=${good}`, { user: id("2"), by: "bearer" }],
    [undefined, `${NAME}=${good}; session=${cookie}`, asUser("3")],
    ["Basic eDp5", `session=${cookie}; ${NAME}=${good}`, asUser("3")],
    ["Basic eDp5", `${NAME}=${good}`, asUser("1")],
    [undefined, `a=b; ${NAME}=${good}`, asUser("1")],
  ] as const) {
    t.deepEqual(await succeed(sessions.verify({ authorization, cookie: header })), expected);
  }
});

test("makeSessions() looks at no legacy cookie where something above it is no session", async (t) => {
  for (const [authorization, cookie] of [
    ["Bearer x", `${NAME}=${good}`],
    ["Bearer", `${NAME}=${good}`],
    [`Bearer ${good}`, `${NAME}=${good}`],
    [undefined, `session=x; ${NAME}=${good}`],
    [undefined, `session=; ${NAME}=${good}`],
    [undefined, `session=a; session=b; ${NAME}=${good}`],
  ] as const) {
    t.deepEqual(await fail(sessions.verify({ authorization, cookie })), UNAUTHENTICATED);
  }
});

test("makeSessions() takes several legacy cookies if they are all the same", async (t) => {
  const other = legacyCookie(PASSWORD, "2", NOW);
  t.deepEqual(await succeed(withCookie(`${NAME}=${good}; ${NAME}=${good}`)), asUser("1"));
  t.deepEqual(await fail(withCookie(`${NAME}=${good}; ${NAME}=${other}`)), UNAUTHENTICATED);
});

test("makeSessions() needs neither a secret nor a key set beside a legacy cookie", async (t) => {
  const alone = makeSessions({
    cookie: "session",
    now: () => NOW,
    legacyCookie: { name: NAME, password: PASSWORD, maxAgeMs: DAY_MS, md5 },
  });
  t.deepEqual(await succeed(withValue(good, alone)), asUser("1"));
});

test("makeSessions() throws at a digest that is no MD5", (t) => {
  const expected = { instanceOf: RangeError, message: "An MD5 digest has 16 bytes" };
  t.throws(() => sessionsAt(NOW, { md5: () => new Uint8Array(20) }), expected);
});
