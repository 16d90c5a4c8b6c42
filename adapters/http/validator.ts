import type * as T from "fp-ts/lib/Task.js";
import { type HttpResponse, ok, PRIVATE, respond } from "./messages.ts";

interface Validated {
  readonly etag: string;
  readonly answer: HttpResponse;
}

/**
 * Makes answers about a subject that carry a strong ETag. What is answered to the same object is
 * serialised once, for as long as somebody holds that object: a version source answers with the
 * same one until its releases change.
 */
export const makeValidated = <Subject extends object>(
  bodyOf: (subject: Subject) => unknown,
): ((subject: Subject) => (ifNoneMatch: string | undefined) => T.Task<HttpResponse>) => {
  const known = new WeakMap<Subject, Promise<Validated>>();
  return (subject) => (ifNoneMatch) => async () => {
    const validating = known.get(subject) ?? validate(ok(bodyOf(subject)));
    known.set(subject, validating);
    const { etag, answer } = await validating;
    return ifNoneMatch !== undefined && matches(ifNoneMatch, etag)
      ? respond(304, { ...PRIVATE, etag }, "")
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
