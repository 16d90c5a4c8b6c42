import { createServer, type RequestListener } from "node:http";
import * as fc from "fast-check";
import * as E from "fp-ts/lib/Either.js";
import * as TE from "fp-ts/lib/TaskEither.js";
import {
  type CryptoKey,
  exportJWK,
  exportSPKI,
  generateKeyPair,
  type JSONWebKeySet,
  type JWTPayload,
  SignJWT,
  UnsecuredJWT,
} from "jose";
import {
  makeSessions,
  type Session,
  type SessionOptions,
  type Sessions,
  signSession,
} from "../../adapters/session/mod.ts";
import { rememberVerified, type Verify } from "../../adapters/session/remembered.ts";
import { fail, id, succeed } from "../contract/expect.ts";
import { test } from "../support/test.ts";
import { until } from "../support/until.ts";

const secret = new TextEncoder().encode("a secret of thirty-two bytes, or");
const NOW = Date.UTC(2026, 0, 1);
const now = (): number => NOW;
const IN_AN_HOUR = NOW / 1_000 + 3_600;
const UNAUTHENTICATED = { _tag: "UNAUTHENTICATED" } as const;

const sessionsWith = (options: Partial<SessionOptions> = {}): Sessions =>
  makeSessions({ secret, cookie: "session", now, ...options });

const withBearer = (sessions: Sessions, token: string): ReturnType<Sessions["verify"]> =>
  sessions.verify({ authorization: `Bearer ${token}`, cookie: undefined });

const withCookie = (sessions: Sessions, cookie: string): ReturnType<Sessions["verify"]> =>
  sessions.verify({ authorization: undefined, cookie });

const sign = (
  claims: JWTPayload,
  { key = secret, ...header }: { key?: CryptoKey | Uint8Array; alg?: string; kid?: string } = {},
): Promise<string> => new SignJWT(claims).setProtectedHeader({ alg: "HS256", ...header }).sign(key);

const tokenOf = (user: string): Promise<string> => sign({ sub: user, exp: IN_AN_HOUR });

interface KeyPair {
  readonly privateKey: CryptoKey;
  readonly publicKey: CryptoKey;
  readonly jwks: JSONWebKeySet;
}

const keyPair = async (alg: string, kid?: string): Promise<KeyPair> => {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  const jwk = { ...(await exportJWK(publicKey)), ...(kid === undefined ? {} : { kid }) };
  return { privateKey, publicKey, jwks: { keys: [jwk] } };
};

const es256 = await keyPair("ES256", "one");
const signedWith = ({ privateKey }: KeyPair, header: { alg?: string; kid?: string } = {}) =>
  sign({ sub: "42", exp: IN_AN_HOUR }, { key: privateKey, alg: "ES256", kid: "one", ...header });

interface KeyServer {
  readonly url: URL;
  readonly requests: () => number;
}

const withKeyServer = async <A>(
  listener: RequestListener,
  use: (server: KeyServer) => Promise<A>,
): Promise<A> => {
  let requests = 0;
  const server = createServer((request, response) => {
    requests += 1;
    listener(request, response);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const address = server.address();
  const port = typeof address === "object" ? address?.port : undefined;
  try {
    return await use({ url: new URL(`http://127.0.0.1:${port}/jwks`), requests: () => requests });
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => {
      server.close(resolve);
    });
  }
};

const serving =
  (body: () => unknown): RequestListener =>
  (_, response) => {
    response.setHeader("content-type", "application/json").end(JSON.stringify(body()));
  };

test("makeSessions() takes a token as Bearer", async (t) => {
  const session: Session = await succeed(withBearer(sessionsWith(), await tokenOf("42")));
  t.deepEqual(session, { user: id("42"), by: "bearer" });
});

test("makeSessions() takes the same token in the named cookie", async (t) => {
  const header = `theme=dark; session=${await tokenOf("42")}; lang=zh`;
  t.deepEqual(await succeed(withCookie(sessionsWith(), header)), { user: id("42"), by: "cookie" });
});

test("makeSessions() takes no token from a cookie of another name", async (t) => {
  const header = `sessions=${await tokenOf("42")}`;
  t.deepEqual(await fail(withCookie(sessionsWith(), header)), UNAUTHENTICATED);
});

test("makeSessions() knows nobody without credentials", async (t) => {
  const verify = sessionsWith().verify({ authorization: undefined, cookie: undefined });
  t.deepEqual(await fail(verify), UNAUTHENTICATED);
});

for (const scheme of ["bearer", "BEARER", "Bearer  "]) {
  test(`makeSessions() reads the scheme ${JSON.stringify(scheme)} as Bearer`, async (t) => {
    const authorization = `${scheme} ${await tokenOf("42")}`;
    const session = await succeed(sessionsWith().verify({ authorization, cookie: undefined }));
    t.is(session.by, "bearer");
  });
}

for (const authorization of ["Bearer", "Bearer ", "Bearer abc", "bearer a.b.c", "Bearer a b"]) {
  test(`makeSessions() looks at no cookie beside ${JSON.stringify(authorization)}`, async (t) => {
    const cookie = `session=${await tokenOf("42")}`;
    t.deepEqual(await fail(sessionsWith().verify({ authorization, cookie })), UNAUTHENTICATED);
  });
}

for (const authorization of ["Basic NDI6NDI=", "Bearerx y", "", "Digest username=42"]) {
  test(`makeSessions() ignores ${JSON.stringify(authorization)}`, async (t) => {
    const cookie = `session=${await tokenOf("42")}`;
    t.deepEqual(await succeed(sessionsWith().verify({ authorization, cookie })), {
      user: id("42"),
      by: "cookie",
    });
  });
}

test("makeSessions() takes a Bearer token before a cookie", async (t) => {
  const authorization = `Bearer ${await tokenOf("1")}`;
  const cookie = `session=${await tokenOf("2")}`;
  t.deepEqual(await succeed(sessionsWith().verify({ authorization, cookie })), {
    user: id("1"),
    by: "bearer",
  });
});

test("makeSessions() counts cookies of one name if they are the same, and none otherwise", async (t) => {
  const [one, two] = await Promise.all([tokenOf("1"), tokenOf("2")]);
  const sessions = sessionsWith();
  t.is((await succeed(withCookie(sessions, `session=${one}; session=${one}`))).user, id("1"));
  for (const [first, second] of [
    [one, two],
    [two, one],
    [one, "rubbish"],
    ["", one],
  ]) {
    const header = `session=${first}; theme=dark; session=${second}`;
    t.deepEqual(await fail(withCookie(sessions, header)), UNAUTHENTICATED);
  }
});

test("makeSessions() unescapes no cookie: a token has one spelling", async (t) => {
  const escaped = (await tokenOf("42")).replace(".", "%2E");
  t.deepEqual(await fail(withCookie(sessionsWith(), `session=${escaped}`)), UNAUTHENTICATED);
});

const otherBytes = (byte: number): ReadonlyArray<number> =>
  Array.from({ length: 255 }, (_, i) => byte ^ (i + 1));

const withByte = (text: string, at: number, byte: number): string =>
  text.slice(0, at) + String.fromCharCode(byte) + text.slice(at + 1);

const everyFlip = (text: string): ReadonlyArray<string> =>
  Array.from(text).flatMap((character, at) =>
    otherBytes(character.charCodeAt(0)).map((byte) => withByte(text, at, byte)),
  );

const accepted = async (
  texts: ReadonlyArray<string>,
  verify: (text: string) => ReturnType<Sessions["verify"]>,
): Promise<ReadonlyArray<string>> => {
  const answers = await Promise.all(texts.map((text) => verify(text)()));
  return texts.filter((_, i) => answers.at(i)?._tag !== "Left");
};

test("makeSessions() takes no Bearer token with one byte changed", async (t) => {
  const sessions = sessionsWith();
  const token = await tokenOf("42");
  const flips = everyFlip(token);
  t.is(flips.length, token.length * 255);
  t.deepEqual(await accepted(flips, (flip) => withBearer(sessions, flip)), []);
});

test("makeSessions() takes no cookie header with one byte changed", async (t) => {
  const sessions = sessionsWith();
  const header = `session=${await tokenOf("42")}`;
  t.deepEqual(await accepted(everyFlip(header), (flip) => withCookie(sessions, flip)), []);
});

test("makeSessions() takes no public-key token with one bit changed", async (t) => {
  const sessions = sessionsWith({ jwks: es256.jwks });
  const token = await signedWith(es256);
  const flips = Array.from(token).flatMap((character, at) =>
    [1, 2, 4, 8, 16, 32, 64, 128].map((bit) => withByte(token, at, character.charCodeAt(0) ^ bit)),
  );
  t.deepEqual(await accepted(flips, (flip) => withBearer(sessions, flip)), []);
});

// 32 bytes are 256 bits in 43 characters of 6: the last two bits belong to no byte, so that three
// more spellings stand for the same signature.
test("makeSessions() takes one spelling of a signature, though four decode to its bytes", async (t) => {
  const token = await tokenOf("42");
  const bytes = (text: string): string =>
    Buffer.from(text.slice(text.lastIndexOf(".") + 1), "base64url").toString("hex");
  const spellings = otherBytes(token.charCodeAt(token.length - 1))
    .map((byte) => withByte(token, token.length - 1, byte))
    .filter((flip) => /^[\w.-]+$/.test(flip) && bytes(flip) === bytes(token));
  t.is(spellings.length, 3);
  t.deepEqual(await accepted(spellings, (flip) => withBearer(sessionsWith(), flip)), []);
  t.deepEqual(await accepted([`${token}=`], (flip) => withBearer(sessionsWith(), flip)), []);
});

test("makeSessions() answers UNAUTHENTICATED to any text", async (t) => {
  const sessions = sessionsWith({ jwks: es256.jwks });
  const part = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.json().map((json) => Buffer.from(json).toString("base64url")),
    fc
      .constantFrom("HS256", "ES256", "none")
      .map((alg) => Buffer.from(JSON.stringify({ alg })).toString("base64url")),
  );
  const text = fc.array(part, { maxLength: 5 }).map((parts) => parts.join("."));
  await t.notThrowsAsync(
    fc.assert(
      fc.asyncProperty(text, async (token) => {
        for (const verify of [
          withBearer(sessions, token),
          withCookie(sessions, `session=${token}`),
        ]) {
          t.deepEqual(await verify(), E.left(UNAUTHENTICATED));
        }
      }),
    ),
  );
});

test("makeSessions() takes a token of 8 KiB and refuses a longer one", async (t) => {
  const padded = (length: number): Promise<string> =>
    sign({ sub: "42", exp: IN_AN_HOUR, pad: "x".repeat(length) });
  const base = await padded(0);
  let length = Math.floor(((8_192 - base.length) * 3) / 4);
  let token = await padded(length);
  while (token.length <= 8_192) {
    t.true(E.isRight(await withBearer(sessionsWith(), token)()));
    length += 1;
    token = await padded(length);
  }
  t.true(token.length <= 8_194);
  t.deepEqual(await fail(withBearer(sessionsWith(), token)), UNAUTHENTICATED);
});

for (const [what, claims] of [
  ["expired", { sub: "42", exp: NOW / 1_000 - 1 }],
  ["expiring now", { sub: "42", exp: NOW / 1_000 }],
  ["for later", { sub: "42", exp: IN_AN_HOUR, nbf: NOW / 1_000 + 1 }],
  ["without exp", { sub: "42" }],
  ["without sub", { exp: IN_AN_HOUR }],
  ["with an empty sub", { sub: "", exp: IN_AN_HOUR }],
  ["with a sub that is no id", { sub: "4:2", exp: IN_AN_HOUR }],
  ["with a sub of 65 characters", { sub: "a".repeat(65), exp: IN_AN_HOUR }],
] as const) {
  test(`makeSessions() refuses a token ${what}`, async (t) => {
    t.deepEqual(await fail(withBearer(sessionsWith(), await sign(claims))), UNAUTHENTICATED);
  });
}

for (const [what, claims] of [
  ["a sub that is a number", '{"sub":42,"exp":9999999999}'],
  ["a sub that is a list", '{"sub":["42"],"exp":9999999999}'],
  ["an exp that is a string", '{"sub":"42","exp":"9999999999"}'],
  ["claims that are a list", '["42"]'],
] as const) {
  test(`makeSessions() refuses ${what}`, async (t) => {
    const encode = (text: string): string => Buffer.from(text).toString("base64url");
    const input = `${encode('{"alg":"HS256"}')}.${encode(claims)}`;
    const key = await crypto.subtle.importKey(
      "raw",
      secret,
      { name: "HMAC", hash: "SHA-256" },
      false,
      ["sign"],
    );
    const signature = await crypto.subtle.sign("HMAC", key, Buffer.from(input));
    const token = `${input}.${Buffer.from(signature).toString("base64url")}`;
    t.deepEqual(await fail(withBearer(sessionsWith(), token)), UNAUTHENTICATED);
  });
}

test("makeSessions() takes a token until the moment it expires", async (t) => {
  const token = await tokenOf("42");
  const at = (time: number): Sessions => sessionsWith({ now: () => time });
  t.true(E.isRight(await withBearer(at(IN_AN_HOUR * 1_000 - 1), token)()));
  t.true(E.isLeft(await withBearer(at(IN_AN_HOUR * 1_000), token)()));
});

for (const [what, claims, expected] of [
  ["the issuer and audience", { iss: "us", aud: "misc" }, true],
  ["the audience among others", { iss: "us", aud: ["web", "misc"] }, true],
  ["another issuer", { iss: "them", aud: "misc" }, false],
  ["no issuer", { aud: "misc" }, false],
  ["another audience", { iss: "us", aud: "web" }, false],
  ["no audience", { iss: "us" }, false],
] as const) {
  test(`makeSessions() ${expected ? "takes" : "refuses"} a token with ${what}`, async (t) => {
    const sessions = sessionsWith({ issuer: "us", audience: "misc" });
    const { aud } = { aud: undefined, ...claims };
    const token = await sign({
      sub: "42",
      exp: IN_AN_HOUR,
      ...("iss" in claims ? { iss: claims.iss } : {}),
      ...(aud === undefined ? {} : { aud: typeof aud === "string" ? aud : [...aud] }),
    });
    t.is(E.isRight(await withBearer(sessions, token)()), expected);
  });
}

test("makeSessions() looks at neither iss nor aud unless configured", async (t) => {
  const token = await sign({ sub: "42", exp: IN_AN_HOUR, iss: "them", aud: "web" });
  t.is((await succeed(withBearer(sessionsWith(), token))).user, id("42"));
});

for (const alg of ["RS256", "ES256", "EdDSA"]) {
  test(`makeSessions() takes ${alg} under the key set`, async (t) => {
    const pair = await keyPair(alg, "one");
    const sessions = makeSessions({ jwks: pair.jwks, cookie: "session", now });
    const token = await signedWith(pair, { alg });
    t.deepEqual(await succeed(withBearer(sessions, token)), { user: id("42"), by: "bearer" });
  });
}

test("makeSessions() refuses alg none", async (t) => {
  const token = new UnsecuredJWT({ sub: "42", exp: IN_AN_HOUR }).encode();
  const sessions = sessionsWith({ jwks: es256.jwks });
  t.deepEqual(await fail(withBearer(sessions, token)), UNAUTHENTICATED);
  const [, claims] = token.split(".");
  for (const alg of ["None", "NONE", "nOnE", ""]) {
    const header = Buffer.from(JSON.stringify({ alg })).toString("base64url");
    for (const forged of [`${header}.${claims}.`, `${header}.${claims}.AA`]) {
      t.deepEqual(await fail(withBearer(sessions, forged)), UNAUTHENTICATED);
    }
  }
});

test("makeSessions() refuses HS256 signed with what is public of a key", async (t) => {
  const pair = await keyPair("RS256", "one");
  const [jwk] = pair.jwks.keys;
  const pem = await exportSPKI(pair.publicKey);
  for (const bytes of [pem, pem.trim(), JSON.stringify(jwk), JSON.stringify(pair.jwks)]) {
    const token = await sign(
      { sub: "42", exp: IN_AN_HOUR },
      { key: new TextEncoder().encode(bytes), kid: "one" },
    );
    for (const sessions of [
      makeSessions({ jwks: pair.jwks, cookie: "session", now }),
      sessionsWith({ jwks: pair.jwks }),
    ]) {
      t.deepEqual(await fail(withBearer(sessions, token)), UNAUTHENTICATED);
    }
  }
});

for (const alg of ["HS384", "HS512"]) {
  test(`makeSessions() refuses ${alg} under the secret`, async (t) => {
    const long = new TextEncoder().encode("0123456789abcdef".repeat(4));
    const token = await sign({ sub: "42", exp: IN_AN_HOUR }, { key: long, alg });
    t.deepEqual(await fail(withBearer(sessionsWith({ secret: long }), token)), UNAUTHENTICATED);
  });
}

for (const alg of ["RS384", "PS256", "ES384"]) {
  test(`makeSessions() refuses ${alg} under the key set`, async (t) => {
    const pair = await keyPair(alg, "one");
    const sessions = makeSessions({ jwks: pair.jwks, cookie: "session", now });
    const token = await signedWith(pair, { alg });
    t.deepEqual(await fail(withBearer(sessions, token)), UNAUTHENTICATED);
  });
}

test("makeSessions() takes no HS256 from a symmetric key in the key set", async (t) => {
  const k = Buffer.from(secret).toString("base64url");
  const jwks = { keys: [{ kty: "oct", k, kid: "one", alg: "HS256" }] };
  const token = await sign({ sub: "42", exp: IN_AN_HOUR }, { kid: "one" });
  const sessions = makeSessions({ jwks, cookie: "session", now });
  t.deepEqual(await fail(withBearer(sessions, token)), UNAUTHENTICATED);
});

test("makeSessions() trusts no key that the token brings along", async (t) => {
  const pair = await keyPair("ES256");
  const [jwk = {}] = pair.jwks.keys;
  const token = await new SignJWT({ sub: "42", exp: IN_AN_HOUR })
    .setProtectedHeader({ alg: "ES256", kid: "one", jwk, jku: "http://127.0.0.1:9/jwks" })
    .sign(pair.privateKey);
  const sessions = sessionsWith({ jwks: es256.jwks });
  t.deepEqual(await fail(withBearer(sessions, token)), UNAUTHENTICATED);
});

test("makeSessions() refuses an unknown kid, and another key under a known one", async (t) => {
  const sessions = sessionsWith({ jwks: es256.jwks });
  for (const token of [
    await signedWith(es256, { kid: "two" }),
    await signedWith(await keyPair("ES256")),
  ]) {
    t.deepEqual(await fail(withBearer(sessions, token)), UNAUTHENTICATED);
  }
});

test("makeSessions() tries each key of the type for a token without a kid", async (t) => {
  const pairs = [await keyPair("ES256"), await keyPair("ES256")] as const;
  const jwks = { keys: pairs.flatMap((pair) => pair.jwks.keys) };
  const sessions = makeSessions({ jwks, cookie: "session", now });
  const claims = { sub: "42", exp: IN_AN_HOUR };
  for (const { privateKey } of pairs) {
    const token = await sign(claims, { key: privateKey, alg: "ES256" });
    t.is((await succeed(withBearer(sessions, token))).user, id("42"));
    const expired = await sign({ ...claims, exp: 1 }, { key: privateKey, alg: "ES256" });
    t.deepEqual(await fail(withBearer(sessions, expired)), UNAUTHENTICATED);
  }
  const stranger = await sign(claims, { key: es256.privateKey, alg: "ES256" });
  t.deepEqual(await fail(withBearer(sessions, stranger)), UNAUTHENTICATED);
});

test("makeSessions() knows nobody without a secret or a key set", async (t) => {
  const sessions = makeSessions({ cookie: "session", now });
  for (const token of [await tokenOf("42"), await signedWith(es256)]) {
    t.deepEqual(await fail(withBearer(sessions, token)), UNAUTHENTICATED);
  }
});

test("makeSessions() and signSession() throw at a secret of 31 bytes", (t) => {
  const short = secret.subarray(1);
  const message = "The session secret has fewer than 32 bytes";
  const expected = { instanceOf: RangeError, message };
  t.throws(() => makeSessions({ secret: short, cookie: "session" }), expected);
  t.throws(() => signSession({ secret: short, user: id("42"), expiresAt: NOW }), expected);
});

test("makeSessions() fetches the key set at a URL once for many tokens", async (t) => {
  await withKeyServer(
    serving(() => es256.jwks),
    async ({ url, requests }) => {
      const sessions = sessionsWith({ jwks: url });
      const token = await signedWith(es256);
      const verified = await Promise.all([1, 2, 3].map(() => withBearer(sessions, token)()));
      t.true(verified.every(E.isRight));
      t.is((await succeed(withBearer(sessions, token))).user, id("42"));
      t.is(requests(), 1);
    },
  );
});

test("makeSessions() fetches no key set for a token that cannot need it", async (t) => {
  await withKeyServer(
    serving(() => es256.jwks),
    async ({ url, requests }) => {
      const sessions = sessionsWith({ jwks: url });
      t.true(E.isRight(await withBearer(sessions, await tokenOf("42"))()));
      const unsecured = new UnsecuredJWT({ sub: "42", exp: IN_AN_HOUR }).encode();
      const long = `${await signedWith(es256)}${"A".repeat(8_192)}`;
      for (const token of ["", "abc", unsecured, long]) {
        t.deepEqual(await fail(withBearer(sessions, token)), UNAUTHENTICATED);
      }
      t.is(requests(), 0);
    },
  );
});

test("makeSessions() answers UNAUTHENTICATED to an unknown kid while the key set can be had", async (t) => {
  await withKeyServer(
    serving(() => es256.jwks),
    async ({ url }) => {
      const token = await signedWith(es256, { kid: "two" });
      t.deepEqual(await fail(withBearer(sessionsWith({ jwks: url }), token)), UNAUTHENTICATED);
    },
  );
});

const faultOf = async (url: URL): Promise<string> =>
  (await fail(withBearer(sessionsWith({ jwks: url }), await signedWith(es256))))._tag;

for (const [what, listener] of [
  ["text", serving(() => "hello")],
  ["no key set", serving(() => ({ keys: "none" }))],
  ["a list", serving(() => [])],
  [
    "a broken key",
    serving(() => ({ keys: [{ kty: "EC", crv: "P-256", x: "AA", y: "AA", kid: "one" }] })),
  ],
  ["no JSON", (_, response) => response.end("<html>")],
  ["500", (_, response) => response.writeHead(500).end('{"keys":[]}')],
  ["a redirect", (_, response) => response.writeHead(302, { location: "/keys" }).end()],
  ["a cut connection", (request) => request.socket.destroy()],
  ["something else than HTTP", (request) => request.socket.end("\u0000\u0001rubbish\r\n\r\n")],
] satisfies ReadonlyArray<readonly [string, RequestListener]>) {
  test(`makeSessions() answers STORE_UNAVAILABLE if the key server gives ${what}`, async (t) => {
    t.is(await withKeyServer(listener, ({ url }) => faultOf(url)), "STORE_UNAVAILABLE");
  });
}

// Alone, so that what is measured is the timeout and not the other tests.
for (const [what, listener] of [
  ["never answers", () => undefined],
  ["never ends its answer", (_, response) => response.write('{"keys":[')],
] satisfies ReadonlyArray<readonly [string, RequestListener]>) {
  test(`makeSessions() answers within 3 s if the key server ${what}`, async (t) => {
    const start = performance.now();
    t.is(await withKeyServer(listener, ({ url }) => faultOf(url)), "STORE_UNAVAILABLE");
    const elapsed = performance.now() - start;
    t.true(elapsed < 3_000, `took ${elapsed} ms`);
  });
}

test("makeSessions() answers STORE_UNAVAILABLE while the key server is away, and recovers", async (t) => {
  const gone = await withKeyServer(
    serving(() => es256.jwks),
    async ({ url }) => url,
  );
  t.is(await faultOf(gone), "STORE_UNAVAILABLE");

  let up = false;
  let asked = 0;
  await withKeyServer(
    (request, response) => {
      asked += 1;
      return up ? serving(() => es256.jwks)(request, response) : request.socket.destroy();
    },
    async ({ url }) => {
      const sessions = sessionsWith({ jwks: url });
      const token = await signedWith(es256);
      for (const _ of ["once", "again"]) {
        t.is((await fail(withBearer(sessions, token)))._tag, "STORE_UNAVAILABLE");
      }
      t.is(asked, 1);
      t.true(E.isRight(await withBearer(sessions, await tokenOf("42"))()));
      up = true;
      await until("it recovers", async () => E.isRight(await withBearer(sessions, token)()));
      t.is((await succeed(withBearer(sessions, token))).user, id("42"));
    },
  );
});

// jose's cache has no clock of its own to be given, so here, alone, the global one is moved.
test("makeSessions() follows the rotation of keys", async (t) => {
  const realNow = Date.now;
  let skipped = 0;
  Date.now = () => realNow() + skipped;
  t.teardown(() => {
    Date.now = realNow;
  });
  const two = await keyPair("ES256", "two");
  let served: JSONWebKeySet = es256.jwks;
  await withKeyServer(
    serving(() => served),
    async ({ url, requests }) => {
      const sessions = sessionsWith({ jwks: url, now: () => NOW + skipped });
      const [before, after] = [await signedWith(es256), await signedWith(two, { kid: "two" })];
      t.true(E.isRight(await withBearer(sessions, before)()));

      served = { keys: [...es256.jwks.keys, ...two.jwks.keys] };
      t.deepEqual(await fail(withBearer(sessions, after)), UNAUTHENTICATED);
      t.is(requests(), 1);

      skipped += 31_000;
      t.true(E.isRight(await withBearer(sessions, after)()));
      t.true(E.isRight(await withBearer(sessions, before)()));
      t.is(requests(), 2);

      served = two.jwks;
      skipped += 11 * 60_000;
      t.deepEqual(await fail(withBearer(sessions, before)), UNAUTHENTICATED);
      t.true(E.isRight(await withBearer(sessions, after)()));
      t.is(requests(), 3);
    },
  );
});

test("signSession() signs what makeSessions() takes, until it expires", async (t) => {
  const options = { secret, issuer: "us", audience: "misc" };
  const expiresAt = NOW + 60_000;
  const token = await signSession({ ...options, user: id("42"), expiresAt, now })();
  t.is((await succeed(withBearer(sessionsWith(options), token))).user, id("42"));
  const late = sessionsWith({ ...options, now: () => expiresAt });
  t.deepEqual(await fail(withBearer(late, token)), UNAUTHENTICATED);
  const other = new Uint8Array(32);
  t.deepEqual(
    await fail(withBearer(sessionsWith({ ...options, secret: other }), token)),
    UNAUTHENTICATED,
  );
});

test("signSession() says when it signed, in whole seconds", async (t) => {
  const token = await signSession({
    secret,
    user: id("42"),
    expiresAt: NOW + 1_999,
    now: () => NOW + 999,
  })();
  const [header = "", claims = ""] = token.split(".");
  const read = (part: string): unknown => JSON.parse(Buffer.from(part, "base64url").toString());
  t.deepEqual(read(header), { alg: "HS256", typ: "JWT" });
  t.deepEqual(read(claims), { sub: "42", iat: NOW / 1_000, exp: NOW / 1_000 + 1 });
});

/** A check that counts how often it was made, of tokens that end a minute from NOW. */
const counted = (): { readonly verify: Verify; readonly times: () => number } => {
  let times = 0;
  return {
    times: () => times,
    verify: (token) =>
      TE.fromIO(() => {
        times += 1;
        return { user: id(token), expiresAt: NOW + 60_000 };
      }),
  };
};

for (const [title, later, times] of [
  ["once within five seconds", 4_999, 1],
  ["again after five seconds", 5_000, 2],
  ["again when the clock was set back", -1, 2],
] as const) {
  test(`rememberVerified() has a token checked ${title}`, async (t) => {
    const check = counted();
    let at = NOW;
    const remembered = rememberVerified(check.verify, () => at);
    t.deepEqual(await remembered("42")(), E.right(id("42")));
    at += later;
    t.deepEqual(await remembered("42")(), E.right(id("42")));
    t.is(check.times(), times);
  });
}

test("rememberVerified() keeps a few megabytes of tokens, and forgets who asked least recently", async (t) => {
  const check = counted();
  const remembered = rememberVerified(check.verify, now);
  const ask = (name: number) => remembered(`${name}`.padStart(64, "0"))();
  const many = Array.from({ length: 4_000_000 / 64 - 1 }, (_, index) => index + 3);
  for (const name of [1, 2, 1, ...many]) {
    await ask(name);
  }
  const times = check.times();
  await ask(1);
  t.is(check.times(), times);
  await ask(2);
  t.is(check.times(), times + 1);
});

test("rememberVerified() remembers nobody beyond the end of their token", async (t) => {
  let at = NOW + 59_999;
  const check = counted();
  const remembered = rememberVerified(check.verify, () => at);
  await remembered("42")();
  at += 1;
  await remembered("42")();
  t.is(check.times(), 2);
});

test("rememberVerified() tells tokens apart, and remembers no refusal", async (t) => {
  let refused = 0;
  const remembered = rememberVerified(
    () => () => {
      refused += 1;
      return TE.left(UNAUTHENTICATED)();
    },
    now,
  );
  await fail(remembered("42"));
  await fail(remembered("42"));
  t.is(refused, 2);
  const check = counted();
  const others = rememberVerified(check.verify, now);
  t.deepEqual([await others("42")(), await others("43")()], [E.right(id("42")), E.right(id("43"))]);
});
