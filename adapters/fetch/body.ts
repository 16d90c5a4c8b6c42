/** How long a body may take to arrive, in milliseconds, from when it is first read. */
const BODY_MS = 10_000;

/**
 * The bytes of a request's body. Not by the stream's own iterator, which is not there in every
 * runtime; and whoever sends no end is waited for no longer than that.
 */
export async function* bytesOf(
  { body }: Request,
  bodyMs: number = BODY_MS,
): AsyncGenerator<Uint8Array> {
  if (body === null) {
    return;
  }
  const reader = body.getReader();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error("the body is late")), bodyMs);
  });
  // Nobody may be reading when it is too late.
  late.catch(() => {});
  try {
    for (;;) {
      const { done, value } = await Promise.race([reader.read(), late]);
      if (done) {
        return;
      }
      yield value;
    }
  } finally {
    clearTimeout(timer);
    reader.cancel().catch(() => {});
  }
}
