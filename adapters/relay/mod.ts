/**
 * The loop that takes notices out of the outbox: it adds time to the core's `deliverNext`, and
 * decides nothing.
 *
 * @module
 */
import * as E from "fp-ts/lib/Either.js";
import * as O from "fp-ts/lib/Option.js";
import type { StoreUnavailable } from "../../core/domain/errors.ts";
import type { Delivery, Misc, Outbox } from "../../core/mod.ts";

/** What a relay works on. */
export interface RelayOptions {
  readonly deliverNext: Misc["deliverNext"];
  readonly outbox: Outbox;
  /** How many notices, of as many conversations, are on their way at once. */
  readonly workers?: number;
  /** How long an idle relay waits before it looks again by itself, in milliseconds. */
  readonly pollMs?: number;
  /** Hears what became of each notice. */
  readonly onDelivery?: (delivery: Delivery) => void;
  /** Hears why a look was in vain: the store did not answer. */
  readonly onFault?: (fault: StoreUnavailable) => void;
}

/** A running relay. */
export interface Relay {
  /** Ends it once what is on its way has been settled. */
  readonly stop: () => Promise<void>;
}

/**
 * Starts to deliver: first what was left over, then each notice as it is stored in this process,
 * and, at the next look, what other processes stored or left behind.
 *
 * @example
 * ```ts
 * import { createMisc } from "sealtalk-misc";
 * import { makeMemoryPorts } from "sealtalk-misc/memory";
 * import { startRelay } from "sealtalk-misc/relay";
 *
 * const ports = makeMemoryPorts();
 * const { deliverNext } = createMisc(ports);
 * const relay = await startRelay({ deliverNext, outbox: ports.outbox });
 * await relay.stop();
 * ```
 */
export const startRelay = async ({
  deliverNext,
  outbox,
  workers = 16,
  pollMs = 500,
  onDelivery = () => {},
  onFault = () => {},
}: RelayOptions): Promise<Relay> => {
  const bell = makeBell(pollMs);
  let running = true;

  const work = async (): Promise<void> => {
    while (running) {
      const heard = bell.rung();
      const step = await deliverNext()();
      if (E.isRight(step) && O.isSome(step.right)) {
        onDelivery(step.right.value);
        continue;
      }
      if (E.isLeft(step) && step.left._tag === "STORE_UNAVAILABLE") {
        onFault(step.left);
        await bell.pause();
      } else if (heard === bell.rung()) {
        await bell.listen();
      }
    }
  };

  const subscription = await outbox.subscribe(bell.ring)();
  const working = Array.from({ length: workers }, work);
  return {
    stop: async () => {
      running = false;
      if (E.isRight(subscription)) {
        subscription.right();
      }
      bell.silence();
      await Promise.all(working);
    },
  };
};

/** Wakes who listens when it rings, when the poll interval is over, or for good. */
interface Bell {
  /** How often it has rung: a ring that came before somebody listened is not lost on them. */
  readonly rung: () => number;
  readonly ring: () => void;
  readonly listen: () => Promise<void>;
  /** Waits the poll interval, whether or not it rings. */
  readonly pause: () => Promise<void>;
  readonly silence: () => void;
}

const makeBell = (pollMs: number): Bell => {
  const listeners = new Set<() => void>();
  const sleepers = new Set<() => void>();
  let count = 0;
  let silent = false;

  const waitIn = (waiting: Set<() => void>): Promise<void> =>
    new Promise((resolve) => {
      const wake = (): void => {
        clearTimeout(timer);
        waiting.delete(wake);
        resolve();
      };
      const timer = setTimeout(wake, silent ? 0 : pollMs);
      waiting.add(wake);
    });

  const wakeAll = (waiting: ReadonlySet<() => void>): void => {
    for (const wake of [...waiting]) {
      wake();
    }
  };

  return {
    rung: () => count,
    ring: () => {
      count += 1;
      wakeAll(listeners);
    },
    listen: () => waitIn(listeners),
    pause: () => waitIn(sleepers),
    silence: () => {
      silent = true;
      wakeAll(listeners);
      wakeAll(sleepers);
    },
  };
};
