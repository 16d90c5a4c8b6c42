import { pipe } from "fp-ts/lib/function.js";
import * as TE from "fp-ts/lib/TaskEither.js";
import type { MessageGateway, OutboundMessage } from "../../core/mod.ts";

/** A message that a gateway took, and when; `id` is higher than that of any before. */
export interface Received {
  readonly id: number;
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly message: OutboundMessage;
}

/** What a gateway took last, for whoever watches. */
export interface Inbox {
  /** The same gateway: what it takes is seen here. */
  readonly watching: (gateway: MessageGateway) => MessageGateway;
  /** What came after `id`, as far as it is kept, and what comes; it ends with the signal. */
  readonly after: (id: number, ended: AbortSignal) => AsyncGenerator<Received>;
}

const MOST_KEPT = 200;

/** Makes an {@link Inbox} that is empty. */
export const makeInbox = (now: () => number = Date.now): Inbox => {
  const kept: Received[] = [];
  const waiting = new Set<() => void>();
  let last = 0;

  const receive = (message: OutboundMessage): void => {
    last += 1;
    kept.push({ id: last, at: now(), message });
    kept.splice(0, kept.length - MOST_KEPT);
    for (const wake of [...waiting]) {
      wake();
    }
  };

  const change = (ended: AbortSignal): Promise<void> =>
    new Promise((resolve) => {
      const wake = (): void => {
        waiting.delete(wake);
        ended.removeEventListener("abort", wake);
        resolve();
      };
      waiting.add(wake);
      ended.addEventListener("abort", wake);
    });

  return {
    watching: (gateway) => ({
      ...gateway,
      send: (message) =>
        pipe(
          gateway.send(message),
          TE.map(() => receive(message)),
        ),
    }),
    async *after(id, ended) {
      // Whoever has seen more than there ever was has seen another process's.
      let seen = id > last ? 0 : id;
      while (!ended.aborted) {
        const [next] = kept.filter((one) => one.id > seen);
        if (next === undefined) {
          await change(ended);
        } else {
          seen = next.id;
          yield next;
        }
      }
    },
  };
};
