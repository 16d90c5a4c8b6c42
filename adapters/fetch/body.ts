import * as E from "fp-ts/lib/Either.js";
import type { TaskEither } from "fp-ts/lib/TaskEither.js";
import type { TransportError } from "../http/mod.ts";

/** How long a body may take to arrive, in milliseconds, from when it is first read. */
const BODY_MS = 10_000;

/**
 * The bytes of a request's body. Not by the stream's own iterator, which is not there in every
 * runtime; and whoever sends no end is waited for no longer than that.
 */
export const bytesOf =
  (request: Request, bodyMs: number = BODY_MS) =>
  (maxBytes: number): TaskEither<TransportError, Uint8Array> =>
  async () => {
    // Not before a route asks for it: what stands between node:http and this makes a stream only then.
    const { body, bodyUsed } = request;
    if (bodyUsed) {
      return BODY_USED;
    }
    if (body === null) {
      return E.right(new Uint8Array());
    }
    const reader = body.getReader();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<typeof LATE>((resolve) => {
      timer = setTimeout(() => resolve(LATE), bodyMs);
    });
    try {
      return await Promise.race([readAll(reader, maxBytes), late]);
    } catch {
      return LATE;
    } finally {
      clearTimeout(timer);
      reader.cancel().catch(() => {});
    }
  };

/** A middleware in front of the handler has read it: whose program it is has to know. */
const BODY_USED: E.Either<TransportError, never> = E.left({
  _tag: "INTERNAL_ERROR",
  cause: "the request's body was read before it came here",
});

const LATE: E.Either<TransportError, never> = E.left({ _tag: "REQUEST_TIMEOUT" });

const readAll = async (
  reader: ReadableStreamDefaultReader<Uint8Array>,
  maxBytes: number,
): Promise<E.Either<TransportError, Uint8Array>> => {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) {
      return E.right(joined(chunks, size));
    }
    size += value.byteLength;
    if (size > maxBytes) {
      return E.left({ _tag: "PAYLOAD_TOO_LARGE" });
    }
    chunks.push(value);
  }
};

const joined = (chunks: ReadonlyArray<Uint8Array>, size: number): Uint8Array => {
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.byteLength;
  }
  return bytes;
};
