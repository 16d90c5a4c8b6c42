/**
 * What the texts of variables are read as. A codec's name is the end of the sentence "expected …".
 *
 * @module
 */
import { pipe } from "fp-ts/lib/function.js";
import * as O from "fp-ts/lib/Option.js";
import * as t from "io-ts";
import { guarded } from "../../core/mod.ts";

/** Reads a text as this, and takes nothing else. */
export type Codec<A> = t.Type<A, A, unknown>;

/** A codec of what a function makes of a string, if it makes anything of it. */
export const parsed = <A>(
  expected: string,
  is: (value: unknown) => value is A,
  parse: (text: string) => O.Option<A>,
): Codec<A> =>
  new t.Type(
    expected,
    is,
    (value, context) =>
      pipe(
        typeof value === "string" ? parse(value) : O.none,
        O.match(() => t.failure(value, context), t.success),
      ),
    t.identity,
  );

export const textLike = (expected: string, is: (text: string) => boolean): Codec<string> =>
  guarded(expected, (value): value is string => typeof value === "string" && is(value));

export const integer = (least: number, most: number, expected: string): Codec<number> =>
  parsed(expected, t.number.is, (text) =>
    pipe(
      O.some(text),
      O.filter((digits) => /^(0|[1-9]\d*)$/.test(digits)),
      O.map(Number),
      O.filter((n) => n >= least && n <= most),
    ),
  );

export const Count: Codec<number> = integer(1, Number.MAX_SAFE_INTEGER, "an integer from 1");

export const Switch: Codec<boolean> = parsed("0 or 1", t.boolean.is, (text) =>
  /^[01]$/.test(text) ? O.some(text === "1") : O.none,
);

export const list = (
  expected: string,
  parse: (text: string) => O.Option<string>,
): Codec<ReadonlyArray<string>> =>
  parsed(expected, t.readonlyArray(t.string).is, (text) =>
    pipe(
      text.split(",").map((part) => parse(part.trim())),
      O.sequenceArray,
    ),
  );

export const oneOf = <A extends string>(names: ReadonlyArray<A>): Codec<A> =>
  guarded(`one of ${names.join(", ")}`, (value): value is A =>
    names.some((name) => name === value),
  );

export const url = (text: string, protocols: ReadonlyArray<string>): O.Option<URL> =>
  pipe(
    O.tryCatch(() => new URL(text)),
    O.filter(({ protocol }) => protocols.includes(protocol)),
    O.filter(() => /^[a-z]+:\/\/[^\s\\]+$/iu.test(text)),
  );

export const NotBlank: Codec<string> = textLike(
  "a text that is not blank",
  (text) => text.trim() !== "",
);

export const Host: Codec<string> = textLike("a host name or an address", (text) =>
  /^[^\s/]+$/.test(text),
);

export const CookieName: Codec<string> = textLike("a cookie's name", (text) =>
  /^[\w!#$%&'*+\-.^`|~]+$/.test(text),
);

export const isLoopback = ({ hostname }: URL): boolean =>
  hostname === "localhost" || hostname === "[::1]" || /^127(\.\d+){3}$/.test(hostname);

const baseUrl = (text: string): O.Option<string> =>
  pipe(
    url(text, ["http:", "https:"]),
    O.filter(({ username, password }) => username === "" && password === ""),
    O.filter(() => !/[?#]/.test(text)),
    O.map(({ href }) => href.replace(/\/+$/, "")),
  );

export const BaseUrls: Codec<ReadonlyArray<string>> = list(
  "absolute http or https URLs without a query, comma-separated",
  baseUrl,
);

export const BaseUrl: Codec<string> = parsed(
  "an absolute http or https URL without a query",
  t.string.is,
  baseUrl,
);

const OCTET = /^(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)$/;

const isIpv4 = (text: string): boolean => {
  const octets = text.split(".");
  return octets.length === 4 && octets.every((octet) => OCTET.test(octet));
};

const isIpv6 = (text: string): boolean =>
  text.includes(":") && O.isSome(O.tryCatch(() => new URL(`http://[${text}]`)));

export const Addresses: Codec<ReadonlyArray<string>> = list(
  "addresses or ranges (10.0.0.0/8), comma-separated",
  (text) => {
    const [address = "", bits, ...more] = text.split("/");
    const most = isIpv4(address) ? 32 : isIpv6(address) ? 128 : -1;
    const fits =
      bits === undefined ? most > 0 : /^[1-9]\d{0,2}$/.test(bits) && Number(bits) <= most;
    return more.length === 0 && fits ? O.some(text) : O.none;
  },
);

// An app's own scheme (capacitor://localhost) has no origin that URL knows of: it is taken as written.
export const Origins: Codec<ReadonlyArray<string>> = list(
  "exact origins (scheme://host[:port]), comma-separated",
  (text) =>
    pipe(
      O.tryCatch(() => new URL(text)),
      O.filter(() => /^[a-z][a-z0-9+.-]*:\/\/[^\s/\\?#@*,]+$/i.test(text)),
      O.map(({ origin }) => (origin === "null" ? text : origin)),
    ),
);
