import { classify, type Verdict } from "./classify.ts";
import { exchange, type Fetch, fetchOnce } from "./exchange.ts";
import { makeHosts } from "./hosts.ts";
import { makeNonce, sign } from "./signature.ts";
import { makeTokenBucket, type TokenBucket } from "./token-bucket.ts";

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
  /** Base URLs of one data centre, the one to prefer first; at least one. */
  readonly hosts: ReadonlyArray<string>;
  /** How many messages to users RongCloud takes from the application in a minute. */
  readonly privatePerMinute?: number;
  /** How many messages to groups RongCloud takes from the application in a second. */
  readonly groupPerSecond?: number;
  /**
   * Whether the operator had RongCloud refuse a repeat of a message within a minute, which it knows
   * by msgRandom. Then a message is also repeated when nobody knows whether it was delivered.
   */
  readonly msgRandom?: boolean;
  /** Must send a request once at most. Without it, the runtime's own, each connection used once. */
  readonly fetch?: Fetch;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
  /** Milliseconds since any moment; it never goes back, whatever becomes of the machine's time. */
  readonly clock?: () => number;
  /** Resolves after so many milliseconds. */
  readonly sleep?: (ms: number) => Promise<void>;
  /** How long one attempt may take, its answer's body included, in milliseconds. */
  readonly attemptMs?: number;
  /** How long all attempts of one call may take together, in milliseconds. */
  readonly callMs?: number;
  readonly onAttempt?: (attempt: RongCloudAttempt) => void;
}

/** The calls of RongCloud's server API that are used. */
export type Path =
  | "/message/private/publish.json"
  | "/message/group/publish.json"
  | "/group/user/query.json";

/** The parameters of a call, sent form-encoded. */
export type Form = Readonly<Record<string, string>>;

/** A call that was not made, and when there is room for it. */
export interface NotAsked {
  readonly _tag: "NOT_ASKED";
  readonly cause: string;
  readonly ms: number;
}

/** Asks RongCloud, whichever host takes it, and answers in time. */
export interface Client {
  readonly call: (path: Path, form: Form) => Promise<Verdict | NotAsked>;
  /** Milliseconds until a call is worth a try; 0: it is now. */
  readonly pause: (path: Path) => number;
}

const SECOND_MS = 1_000;
const MINUTE_MS = 60_000;

// Whoever would have to wait longer for their turn is told so at once.
const LONGEST_TURN_MS = 1_000;

// What a rate limit without Retry-After is taken to mean.
const RATE_LIMIT_SECONDS = 1;

/**
 * A client that keeps to RongCloud's limits, and leaves hosts alone that keep failing. It asks another
 * host at once if one cannot be reached, and the other first in the next calls if nobody knows
 * what this one did. A rate limit is the application's, and no host's fault.
 */
export const makeClient = ({
  appKey,
  appSecret,
  hosts: addresses,
  privatePerMinute = 6_000,
  groupPerSecond = 20,
  msgRandom = false,
  fetch: ask = fetchOnce,
  now = Date.now,
  clock = () => performance.now(),
  sleep = sleepFor,
  attemptMs = 2_000,
  callMs = 3_200,
  onAttempt = () => {},
}: RongCloudOptions): Client => {
  const hosts = makeHosts(addresses);
  const buckets: Readonly<Record<Path, TokenBucket>> = {
    "/message/private/publish.json": makeTokenBucket({ calls: privatePerMinute, perMs: MINUTE_MS }),
    "/message/group/publish.json": makeTokenBucket({ calls: groupPerSecond, perMs: SECOND_MS }),
    "/group/user/query.json": makeTokenBucket({ calls: 100, perMs: SECOND_MS }),
  };

  const attempt = async (
    host: string,
    path: Path,
    form: Form,
    ends: number,
  ): Promise<Verdict | NotAsked> => {
    const requestId = crypto.randomUUID();
    const signature = await sign({ appKey, appSecret }, { nonce: makeNonce(), now: now() });
    // Looked at when nothing is left to wait for before the request: a process that was stopped on
    // the way here must not send what another has sent meanwhile.
    const began = now();
    const left = Math.min(attemptMs, ends - began);
    if (left <= 0) {
      return NO_TIME;
    }
    const alone = hosts.openMs(host, clock());
    if (alone > 0) {
      return leftAlone(alone);
    }
    hosts.entered(host, clock() + left);
    const reply = await exchange(ask, now, `${host}${path}`, {
      method: "POST",
      headers: { ...signature, "X-Request-ID": requestId },
      body: new URLSearchParams(form),
      redirect: "manual",
      signal: AbortSignal.timeout(left),
    });
    const verdict = classify(reply);
    if (isUnreachable(verdict) || verdict._tag === "AMBIGUOUS") {
      hosts.failed(host, clock());
    } else {
      hosts.succeeded(host);
    }
    onAttempt({ host, path, requestId, verdict, durationMs: now() - began });
    return verdict;
  };

  const isFinal = (verdict: Verdict): boolean =>
    !(isUnreachable(verdict) || (msgRandom && verdict._tag === "AMBIGUOUS"));

  /** Asks one host after the other, until one has answered or time is up. */
  const askInTurn = async (
    inTurn: ReadonlyArray<string>,
    path: Path,
    form: Form,
    ends: number,
  ): Promise<Verdict | NotAsked> => {
    const verdicts: Verdict[] = [];
    let notAsked = NO_TIME;
    for (const host of inTurn) {
      const verdict = await attempt(host, path, form, ends);
      if (verdict._tag === "NOT_ASKED") {
        notAsked = verdict;
        continue;
      }
      verdicts.push(verdict);
      if (isFinal(verdict)) {
        break;
      }
    }
    return conclusionOf(verdicts) ?? notAsked;
  };

  return {
    call: async (path, form) => {
      const ends = now() + callMs;
      const bucket = buckets[path];
      const turn = bucket.wait(clock());
      if (turn > LONGEST_TURN_MS) {
        return { _tag: "NOT_ASKED", cause: "the application is at RongCloud's limit", ms: turn };
      }
      const candidates = hosts.candidates(clock());
      if (candidates.length === 0) {
        return leftAlone(hosts.wait(clock()));
      }
      bucket.take(clock());
      if (turn > 0) {
        await sleep(turn);
      }
      const verdict = await (msgRandom
        ? askInTurn([...candidates, ...candidates], path, withRandom(form), ends)
        : askInTurn(candidates, path, form, ends));
      if (verdict._tag === "AGAIN" && verdict.where === "later") {
        bucket.hold(clock() + (verdict.retryAfter ?? RATE_LIMIT_SECONDS) * SECOND_MS);
      }
      return verdict;
    },
    pause: (path) => Math.max(buckets[path].wait(clock()), hosts.wait(clock())),
  };
};

const isUnreachable = (verdict: Verdict): boolean =>
  verdict._tag === "AGAIN" && verdict.where === "another host";

// A repeat that is refused may be refused for being one.
const conclusionOf = (verdicts: ReadonlyArray<Verdict>): Verdict | undefined => {
  const last = verdicts.at(-1);
  return last?._tag === "DELIVERED"
    ? last
    : (verdicts.find(({ _tag }) => _tag === "AMBIGUOUS") ?? last);
};

const leftAlone = (ms: number): NotAsked => ({
  _tag: "NOT_ASKED",
  cause: "every host is left alone after its failures",
  ms,
});

const NO_TIME: NotAsked = { _tag: "NOT_ASKED", cause: "no time was left to ask", ms: 0 };

// RongCloud's is a Java int.
const withRandom = (form: Form): Form => {
  const [random = 0] = crypto.getRandomValues(new Uint32Array(1));
  return { ...form, msgRandom: String(random >>> 1) };
};

const sleepFor = (ms: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
