/**
 * The loop that takes notices out of the outbox: it adds time to the core's `claimNext` and
 * `deliver`, and decides nothing.
 *
 * @module
 */
import * as E from "fp-ts/lib/Either.js";
import {
  type Claim,
  type ClaimLost,
  CONVERSATION_TYPES,
  type ConversationType,
  type Delivery,
  type Misc,
  type Outbox,
  type StoreUnavailable,
} from "../../core/mod.ts";

/** Calls `wake` once, after `ms` milliseconds, unless what it answers is called before. */
export type Timer = (wake: () => void, ms: number) => () => void;

/** What a relay works on. */
export interface RelayOptions {
  readonly misc: Pick<Misc, "claimNext" | "deliver">;
  readonly outbox: Outbox;
  /** How many notices of each type of conversation are on their way at once. */
  readonly concurrency?: number;
  /** How long an idle relay waits before it looks again by itself, in milliseconds. */
  readonly pollMs?: number;
  readonly timer?: Timer;
  /** Hears what became of each notice. */
  readonly onDelivery?: (delivery: Delivery) => void;
  /** Hears why a look was in vain (the store did not answer), or why a claim was not settled. */
  readonly onFault?: (fault: StoreUnavailable | ClaimLost) => void;
}

/** A running relay. */
export interface Relay {
  /** Ends it once what is on its way has been settled. */
  readonly stop: () => Promise<void>;
}

/**
 * Starts to deliver: first what was left over, then each notice as it is stored in this process,
 * and, at the next look, what other processes stored or left behind. The two types of conversation
 * do not wait for each other: RongCloud's limits are by type.
 *
 * @example
 * ```ts
 * import { createMisc } from "sealtalk-misc";
 * import { makeMemoryPorts } from "sealtalk-misc/memory";
 * import { startRelay } from "sealtalk-misc/relay";
 *
 * const ports = makeMemoryPorts();
 * const relay = await startRelay({ misc: createMisc(ports), outbox: ports.outbox });
 * await relay.stop();
 * ```
 */
export const startRelay = async (options: RelayOptions): Promise<Relay> => {
  const lanes = CONVERSATION_TYPES.map(startLane(options));
  const subscription = await options.outbox.subscribe(() => {
    for (const { ring } of lanes) {
      ring();
    }
  })();
  return {
    stop: async () => {
      if (E.isRight(subscription)) {
        subscription.right();
      }
      await Promise.all(lanes.map(({ stop }) => stop()));
    },
  };
};

/** The delivery of one type of conversation's notices. */
interface Lane {
  /** Says that there is something to claim. */
  readonly ring: () => void;
  readonly stop: () => Promise<void>;
}

const startLane =
  ({
    misc,
    concurrency = 16,
    pollMs = 500,
    timer = setTimer,
    onDelivery = () => {},
    onFault = () => {},
  }: RelayOptions) =>
  (type: ConversationType): Lane => {
    const bell = makeBell(timer);
    const onTheirWay = new Set<Promise<void>>();
    let running = true;

    const deliver = async (claim: Claim): Promise<void> => {
      const delivery = await misc.deliver(claim)();
      if (E.isRight(delivery)) {
        onDelivery(delivery.right);
      } else {
        onFault(delivery.left);
      }
    };

    const dispatch = async (claim: Claim): Promise<void> => {
      const delivery = deliver(claim).finally(() => {
        onTheirWay.delete(delivery);
        // What lay behind it in its conversation is due now.
        bell.ring();
      });
      onTheirWay.add(delivery);
      if (onTheirWay.size >= concurrency) {
        await Promise.race(onTheirWay);
      }
    };

    /** Looks once, and waits for what has to come before the next look. */
    const look = async (): Promise<void> => {
      const heard = bell.rung();
      const next = await misc.claimNext(type)();
      if (E.isLeft(next)) {
        onFault(next.left);
        return bell.pause(pollMs);
      }
      switch (next.right._tag) {
        case "CLAIMED":
          return dispatch(next.right.claim);
        case "PAUSED":
          return bell.pause(Math.min(next.right.ms, LONGEST_PAUSE_MS));
        case "NOTHING_DUE":
          return heard === bell.rung() ? bell.listen(pollMs) : undefined;
      }
    };

    const work = async (): Promise<void> => {
      while (running) {
        await look();
      }
      await Promise.all(onTheirWay);
    };

    const working = work();
    return {
      ring: bell.ring,
      stop: () => {
        running = false;
        bell.silence();
        return working;
      },
    };
  };

// A pause is a guess: that a caller's message was taken, and the gateway is well again, shows by then.
const LONGEST_PAUSE_MS = 1_000;

const setTimer: Timer = (wake, ms) => {
  const timer = setTimeout(wake, ms);
  return () => clearTimeout(timer);
};

/** Wakes who waits at it: when their time is over, when it is silenced, or when it rings. */
interface Bell {
  /** How often it has rung: a ring that came before somebody listened is not lost on them. */
  readonly rung: () => number;
  readonly ring: () => void;
  readonly listen: (ms: number) => Promise<void>;
  /** Waits whether or not it rings. */
  readonly pause: (ms: number) => Promise<void>;
  readonly silence: () => void;
}

const makeBell = (timer: Timer): Bell => {
  const listeners = new Set<() => void>();
  const sleepers = new Set<() => void>();
  let count = 0;
  let silent = false;

  const waitIn = (waiting: Set<() => void>, ms: number): Promise<void> =>
    new Promise((resolve) => {
      const wake = (): void => {
        cancel();
        waiting.delete(wake);
        resolve();
      };
      const cancel = timer(wake, silent ? 0 : ms);
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
    listen: (ms) => waitIn(listeners, ms),
    pause: (ms) => waitIn(sleepers, ms),
    silence: () => {
      silent = true;
      wakeAll(listeners);
      wakeAll(sleepers);
    },
  };
};
