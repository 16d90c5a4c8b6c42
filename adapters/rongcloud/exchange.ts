import { type Reply, replyOfFault } from "./classify.ts";

/** As much of a `Response` as is read. */
export interface Answer {
  readonly status: number;
  readonly headers: Pick<Headers, "get">;
  readonly body: AsyncIterable<Uint8Array> | null;
}

/** As much of `fetch` as is used. */
export type Fetch = (url: string, init: RequestInit) => Promise<Answer>;

/**
 * The runtime's `fetch`, with a connection of its own for each request: on one that is used again,
 * Deno's and some of Bun's send a request twice when it breaks before the answer.
 */
export const fetchOnce: Fetch = (url, init) =>
  fetch(url, { ...init, headers: { ...init.headers, Connection: "close" } });

const MOST_BYTES = 64 * 1024;
const LONGEST_RETRY_AFTER = 3_600;

/** Sends a request, and reads the reply or what became of it. */
export const exchange = async (
  ask: Fetch,
  now: () => number,
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

const textOf = async ({ body }: Answer): Promise<string> => {
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
