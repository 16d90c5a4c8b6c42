import { classify, type Reply, replyOfFault, type Verdict } from "./classify.ts";
import { makeNonce, sign } from "./signature.ts";

/** One attempt to ask RongCloud, for a log and metrics. */
export interface RongCloudAttempt {
  readonly host: string;
  readonly path: string;
  readonly requestId: string;
  readonly verdict: Verdict;
  readonly durationMs: number;
}

/** Which application speaks, and to which hosts. */
export interface RongCloudOptions {
  readonly appKey: string;
  readonly appSecret: string;
  /** Base URLs of one data centre, the one to prefer first. */
  readonly hosts: ReadonlyArray<string>;
  readonly fetch?: typeof fetch;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
  /** How long one attempt may take, its answer's body included, in milliseconds. */
  readonly attemptMs?: number;
  /** How long all attempts of one call may take together, in milliseconds. */
  readonly callMs?: number;
  readonly onAttempt?: (attempt: RongCloudAttempt) => void;
}

/** The parameters of a call, sent form-encoded. */
export type Form = Readonly<Record<string, string>>;

/** Asks RongCloud, whichever host takes it, and answers in time. */
export type Client = (path: string, form: Form) => Promise<Verdict>;

const MOST_BYTES = 64 * 1024;
const LONGEST_RETRY_AFTER = 3_600;

/**
 * A client that tries the hosts in turn: another one at once if this one cannot be reached, and
 * first at the next call if nobody knows what this one did. A rate limit is the application's, and
 * no host's fault.
 */
export const makeClient = ({
  appKey,
  appSecret,
  hosts,
  fetch: ask = fetch,
  now = Date.now,
  attemptMs = 2_000,
  callMs = 3_800,
  onAttempt = () => {},
}: RongCloudOptions): Client => {
  let preferred = 0;

  const attempt = async (host: string, path: string, form: Form, ms: number): Promise<Verdict> => {
    const requestId = crypto.randomUUID();
    const began = now();
    const signature = await sign({ appKey, appSecret }, { nonce: makeNonce(), now: began });
    // On a connection that is used again, Deno's and some of Bun's fetch send a request twice when it
    // breaks before the answer, and the vendor asks for few uses of one anyway.
    const reply = await replyTo({ ask, now }, `${host}${path}`, {
      method: "POST",
      headers: { ...signature, "X-Request-ID": requestId, Connection: "close" },
      body: new URLSearchParams(form),
      redirect: "manual",
      signal: AbortSignal.timeout(ms),
    });
    const verdict = classify(reply);
    onAttempt({ host, path, requestId, verdict, durationMs: now() - began });
    return verdict;
  };

  return async (path, form) => {
    const ends = now() + callMs;
    let verdict: Verdict = { _tag: "AGAIN", where: "another host", cause: "no host to ask" };
    for (const [host, index] of startingAt(hosts, preferred)) {
      const left = Math.min(attemptMs, ends - now());
      if (left <= 0) {
        return verdict;
      }
      verdict = await attempt(host, path, form, left);
      const elsewhere = verdict._tag === "AGAIN" && verdict.where === "another host";
      const doubtful = elsewhere || verdict._tag === "AMBIGUOUS";
      preferred = doubtful ? (index + 1) % hosts.length : index;
      if (!elsewhere) {
        return verdict;
      }
    }
    return verdict;
  };
};

const startingAt = (
  hosts: ReadonlyArray<string>,
  first: number,
): ReadonlyArray<readonly [string, number]> => {
  const numbered = hosts.map((host, index) => [host, index] as const);
  return [...numbered.slice(first), ...numbered.slice(0, first)];
};

const replyTo = async (
  { ask, now }: { readonly ask: typeof fetch; readonly now: () => number },
  url: string,
  init: RequestInit,
): Promise<Reply> => {
  try {
    const response = await ask(url, init);
    const retryAfter = secondsIn(response.headers.get("retry-after"), now());
    return {
      _tag: "ANSWERED",
      status: response.status,
      body: await textOf(response),
      ...(retryAfter === undefined ? {} : { retryAfter }),
    };
  } catch (fault) {
    return replyOfFault(fault);
  }
};

const textOf = async ({ body }: Response): Promise<string> => {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of body ?? []) {
    text += decoder.decode(chunk, { stream: true });
    if (text.length > MOST_BYTES) {
      return "";
    }
  }
  return text;
};

const secondsIn = (header: string | null, now: number): number | undefined => {
  const seconds =
    header !== null && /^\d+$/.test(header)
      ? Number(header)
      : (Date.parse(header ?? "") - now) / 1_000;
  return Number.isNaN(seconds)
    ? undefined
    : Math.min(LONGEST_RETRY_AFTER, Math.max(0, Math.ceil(seconds)));
};
