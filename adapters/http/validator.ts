import type * as T from "fp-ts/lib/Task.js";
import { type HttpResponse, ok, PRIVATE } from "./messages.ts";

interface Validated {
  readonly etag: string;
  readonly answer: HttpResponse;
}

/**
 * Makes answers that carry a strong ETag. What is answered to the same object is serialised once,
 * for as long as somebody holds that object: a version source answers with the same one until its
 * releases change.
 */
export const makeValidated = (): ((
  subject: object,
  body: unknown,
) => (ifNoneMatch: string | undefined) => T.Task<HttpResponse>) => {
  const known = new WeakMap<object, Promise<Validated>>();
  return (subject, body) => (ifNoneMatch) => async () => {
    const validating = known.get(subject) ?? validate(ok(body));
    known.set(subject, validating);
    const { etag, answer } = await validating;
    return ifNoneMatch !== undefined && matches(ifNoneMatch, etag)
      ? { status: 304, headers: { ...PRIVATE, etag }, body: "" }
      : answer;
  };
};

const validate = async (answer: HttpResponse): Promise<Validated> => {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(answer.body));
  const bytes = Array.from(new Uint8Array(digest, 0, 16));
  const etag = `"${bytes.map((byte) => byte.toString(16).padStart(2, "0")).join("")}"`;
  return { etag, answer: { ...answer, headers: { ...answer.headers, etag } } };
};

// If-None-Match compares weakly (RFC 9110, 13.1.2).
const matches = (ifNoneMatch: string, etag: string): boolean =>
  ifNoneMatch
    .split(",")
    .map((tag) => tag.trim().replace(/^W\//, ""))
    .some((tag) => tag === "*" || tag === etag);
