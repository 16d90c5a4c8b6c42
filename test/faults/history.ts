/**
 * Histories of a store and of the relays that empty its outbox, in virtual time: the caller decides
 * each step, and a ledger knows what must be true after it. The store may do real I/O.
 */
import assert from "node:assert/strict";
import * as E from "fp-ts/lib/Either.js";
import { pipe } from "fp-ts/lib/function.js";
import * as O from "fp-ts/lib/Option.js";
import * as TE from "fp-ts/lib/TaskEither.js";
import { makeMemoryPorts } from "../../adapters/memory/mod.ts";
import { startRelay } from "../../adapters/relay/mod.ts";
import type { ConversationKey, ConversationType } from "../../core/domain/conversation.ts";
import type { Claim, Outcome } from "../../core/domain/delivery.ts";
import {
  type ClaimLost,
  type GatewayError,
  type StoreUnavailable,
  storeUnavailable,
} from "../../core/domain/errors.ts";
import {
  createMisc,
  type MessageGateway,
  type Outbox,
  type SettingsRepository,
} from "../../core/mod.ts";
import { succeed } from "../contract/expect.ts";
import { noticeFrom } from "../contract/fixtures.ts";
import { makeVirtualTime, type VirtualTime } from "../support/virtual-time.ts";

/** A store as one process has it open. */
export interface OpenStore {
  readonly settings: Pick<SettingsRepository, "setNoticeStatus">;
  readonly outbox: Outbox;
  readonly close: () => Promise<void>;
}

/** The store that the processes of a history share. */
export interface SharedStore {
  /** Opens the store for one more process. */
  readonly open: () => Promise<OpenStore>;
  /** Removes the store's data after every process has closed it. */
  readonly remove: () => Promise<void>;
}

/** Makes an empty store. `now` is virtual time, in milliseconds since the epoch. */
export type MakeSharedStore = (now: () => number) => Promise<SharedStore>;

/** What becomes of a message that is on its way to the cloud. */
export type Fate =
  | "taken"
  /** Taken, and nobody hears of that. */
  | "taken in silence"
  | "lost"
  | "not reached"
  | "refused for ever"
  | "refused until the operator acts";

/** A fault of the store: before or after it has done what it was asked. */
export type StoreFault = "before" | "after";

/** A history, and everything that can happen in it. Numbers choose among what there is. */
export interface History {
  readonly deliverers: () => number;
  readonly sendings: () => number;
  readonly store: (type: ConversationType, name: string, withStatus: boolean) => Promise<void>;
  readonly advance: (ms: number) => Promise<void>;
  /** For so long the cloud had better be left alone. */
  readonly pause: (ms: number) => Promise<void>;
  /** The next call of a relay to the store fails. */
  readonly breakStore: (fault: StoreFault) => Promise<void>;
  /** Starts a process; `random` is all the chance that it knows. */
  readonly start: (random: number) => Promise<void>;
  /** Ends a process as it wants to be ended. */
  readonly end: (index: number) => Promise<void>;
  readonly kill: (index: number) => Promise<void>;
  /** Stops a process until it is woken, as SIGSTOP does. */
  readonly suspend: (index: number) => Promise<void>;
  readonly wake: (index: number) => Promise<void>;
  readonly decide: (index: number, fate: Fate) => Promise<void>;
  readonly retry: () => Promise<void>;
  readonly revive: () => Promise<void>;
  /** Fails unless everything is true that must be true at any moment. */
  readonly check: () => Promise<void>;
  /**
   * Kills every process and starts another, in front of a cloud that takes everything: fails unless
   * all is delivered within 10 seconds.
   */
  readonly conclude: () => Promise<void>;
  /** What has come to pass so far. */
  readonly reached: () => Reached;
  /** Closes the store in every process that still has it open, and removes its data. */
  readonly close: () => Promise<void>;
}

/** How many notices met what; histories that meet nothing show nothing. */
export interface Reached {
  readonly delivered: number;
  readonly takenAgain: number;
  readonly postponed: number;
  readonly dead: number;
  readonly claimsLost: number;
}

// A gateway answers within 4 seconds: its port says so.
const GATEWAY_MS = 3_999;

const never = <A>(): Promise<A> => new Promise(() => {});

/** What is known of a notice that was acknowledged. */
interface Entry {
  readonly conversation: ConversationKey;
  readonly name: string;
  readonly storedAt: number;
  /** How often it was postponed. */
  postponed: number;
  /** How often the cloud took it. */
  taken: number;
  /** How often nobody could know whether the cloud had taken it. */
  doubts: number;
}

/** What must be true, kept beside the outbox: from what was acknowledged, taken and settled. */
const makeLedger = () => {
  const queues = new Map<ConversationKey, ReadonlyArray<Entry>>();
  const tokens = new Map<ConversationKey, number>();
  const delivered: Entry[] = [];
  let dead: ReadonlyArray<Entry> = [];
  let claimsLost = 0;

  const head = (conversation: ConversationKey): Entry => {
    const entry = queues.get(conversation)?.[0];
    assert.ok(entry !== undefined, `${conversation} has something to deliver`);
    return entry;
  };

  const append = (entry: Entry): void => {
    queues.set(entry.conversation, [...(queues.get(entry.conversation) ?? []), entry]);
  };

  const pending = (): ReadonlyArray<Entry> => [...queues.values()].flat();

  return {
    head,
    append,
    pending,
    dead: () => dead,
    all: () => [...pending(), ...dead, ...delivered],
    claimed: ({ conversation, token, notice, attempts, storedAt }: Claim): void => {
      const entry = head(conversation);
      assert.equal(notice.senderId, entry.name, "the head of a conversation is claimed");
      assert.deepEqual([attempts, storedAt], [entry.postponed, entry.storedAt], "attempts and age");
      assert.ok(token > (tokens.get(conversation) ?? 0), "each claim has a higher token");
      tokens.set(conversation, token);
    },
    settled: ({ conversation, token }: Claim, outcome: Outcome): void => {
      assert.equal(token, tokens.get(conversation), "who settles holds the newest claim");
      const entry = head(conversation);
      if (outcome._tag === "POSTPONED") {
        entry.postponed += 1;
        return;
      }
      queues.set(conversation, queues.get(conversation)?.slice(1) ?? []);
      if (outcome._tag === "DELIVERED") {
        assert.ok(entry.taken > 0, `${entry.name} is done with, so it was taken`);
        delivered.push(entry);
      } else {
        entry.postponed += 1;
        dead = [...dead, entry];
      }
    },
    lost: ({ _tag }: StoreUnavailable | ClaimLost): void => {
      claimsLost += _tag === "CLAIM_LOST" ? 1 : 0;
    },
    reached: (): Reached => ({
      delivered: delivered.length,
      takenAgain: delivered.filter(({ taken }) => taken > 1).length,
      postponed: delivered.filter(({ postponed }) => postponed > 0).length,
      dead: dead.length,
      claimsLost,
    }),
    revived: (): void => {
      const revived = dead;
      dead = [];
      revived.forEach(append);
    },
  };
};

type Ledger = ReturnType<typeof makeLedger>;

/** A message between a relay and the cloud. */
interface Sending {
  readonly name: string;
  readonly answer: (answer: E.Either<GatewayError, void>) => void;
}

const unavailable = (delivery: "none" | "unknown"): E.Either<GatewayError, void> =>
  E.left({ _tag: "GATEWAY_UNAVAILABLE", delivery, cause: "drawn" });

const rejected = (gatewayCode: number, cure: "none" | "operator"): E.Either<GatewayError, void> =>
  E.left({ _tag: "GATEWAY_REJECTED", gatewayCode, cure });

const ANSWERS: Readonly<Record<Fate, E.Either<GatewayError, void>>> = {
  taken: E.right(undefined),
  "taken in silence": unavailable("unknown"),
  lost: unavailable("unknown"),
  "not reached": unavailable("none"),
  "refused for ever": rejected(1002, "none"),
  "refused until the operator acts": rejected(1004, "operator"),
};

/** The cloud: what is on its way to it waits for a decision, as long as a gateway would wait. */
const makeCloud = (time: VirtualTime, ledger: Ledger) => {
  let sendings: ReadonlyArray<Sending> = [];
  let pausedUntil = 0;

  const entryOf = ({ name }: Sending): Entry => {
    const entry = ledger.pending().find((one) => one.name === name);
    assert.ok(entry !== undefined, `${name} reaches the cloud, so it is pending`);
    return entry;
  };

  const decide = (sending: Sending, fate: Fate): void => {
    sendings = sendings.filter((one) => one !== sending);
    const entry = entryOf(sending);
    assert.equal(sending.name, ledger.head(entry.conversation).name, "a head reaches the cloud");
    entry.taken += fate === "taken" || fate === "taken in silence" ? 1 : 0;
    entry.doubts += fate === "lost" || fate === "taken in silence" ? 1 : 0;
    sending.answer(ANSWERS[fate]);
  };

  return {
    sendings: () => sendings,
    decide,
    pauseFor: (ms: number): void => {
      pausedUntil = time.now() + ms;
    },
    pause: () => Math.max(0, pausedUntil - time.now()),
    send: (name: string): Promise<E.Either<GatewayError, void>> =>
      new Promise((answer) => {
        const sending = { name, answer };
        sendings = [...sendings, sending];
        time.after(GATEWAY_MS, () => {
          if (sendings.includes(sending)) {
            decide(sending, "lost");
          }
        });
      }),
    conversations: () => sendings.map((sending) => entryOf(sending).conversation),
  };
};

type Cloud = ReturnType<typeof makeCloud>;

/**
 * Keeps the ledger in the order of the store: with real I/O, a process can read that it got a claim
 * before another process has read that it settled the claim before.
 */
const makeOrder = () => {
  const settlements = new Map<ConversationKey, Promise<unknown>>();
  return {
    settling: <A>({ conversation }: Claim, settlement: Promise<A>): Promise<A> => {
      const before = settlements.get(conversation);
      settlements.set(conversation, Promise.allSettled([before, settlement]));
      return settlement;
    },
    /** Waits for the answers to the settlements that a claim may have followed. */
    settled: async ({ conversation }: Claim): Promise<void> => {
      await settlements.get(conversation);
    },
  };
};

/** Tells a claim from all others: a store may count the tokens of each conversation by itself. */
const nameOf = ({ conversation, token }: Claim): string => `${conversation} ${token}`;

/** What the processes of a history share. */
interface World {
  readonly time: VirtualTime;
  readonly ledger: Ledger;
  readonly order: ReturnType<typeof makeOrder>;
  readonly cloud: Cloud;
  readonly nextFault: () => StoreFault | undefined;
  /** Has the next check fail. */
  readonly fail: (why: unknown) => void;
}

/** A process with a relay. */
interface Deliverer {
  readonly store: OpenStore;
  readonly isAwake: () => boolean;
  /** Resolves when the process has ended: never while it is suspended. */
  readonly end: () => Promise<void>;
  readonly kill: () => void;
  readonly suspend: () => void;
  readonly wake: () => void;
}

const makeDeliverer = (
  { time, ledger, order, cloud, nextFault, fail }: World,
  store: OpenStore,
  random: number,
): Deliverer => {
  const { outbox } = store;
  const held = new Map<string, Entry>();
  let dead = false;
  let suspended = false;
  let awake = Promise.resolve();
  let wake = (): void => {};

  /** An answer reaches a process once that is awake, and none that is dead. */
  const heard = async <A>(answer: A): Promise<A> => {
    await awake;
    return dead ? never() : answer;
  };

  const doubt = (): void => {
    for (const entry of held.values()) {
      entry.doubts += 1;
    }
  };

  /**
   * Runs a call to the store. If the store fails by itself, or contradicts the ledger, the next check
   * of the history fails.
   */
  const run = async <Fault extends StoreUnavailable | ClaimLost, A>(
    task: TE.TaskEither<Fault, A>,
  ): Promise<E.Either<Fault, A>> => {
    try {
      const answer = await time.during(task);
      if (E.isLeft(answer) && answer.left._tag === "STORE_UNAVAILABLE") {
        fail(new Error(answer.left.cause));
      }
      return answer;
    } catch (why) {
      fail(why);
      return never();
    }
  };

  /** A call to the store: it may fail, and it may take as long as the process is suspended. */
  const call =
    <Fault extends StoreUnavailable | ClaimLost, A>(
      task: TE.TaskEither<Fault, A>,
    ): TE.TaskEither<Fault | StoreUnavailable, A> =>
    async () => {
      await heard(undefined);
      const fault = nextFault();
      if (fault === undefined) {
        return heard(await run(task));
      }
      if (fault === "after") {
        await run(task);
      }
      doubt();
      return heard(E.left(storeUnavailable("drawn")));
    };

  const watched: Outbox = {
    ...outbox,
    claim: (...asked) =>
      call(
        pipe(
          outbox.claim(...asked),
          TE.chainFirstTaskK((claimed) => async () => {
            if (O.isSome(claimed)) {
              await order.settled(claimed.value);
            }
          }),
          TE.map((claimed) => {
            if (O.isSome(claimed)) {
              ledger.claimed(claimed.value);
              held.set(nameOf(claimed.value), ledger.head(claimed.value.conversation));
            }
            return claimed;
          }),
        ),
      ),
    settle: (claim, outcome) =>
      call(() =>
        order.settling(
          claim,
          pipe(
            outbox.settle(claim, outcome),
            TE.bimap(
              (fault) => {
                ledger.lost(fault);
                return fault;
              },
              () => {
                ledger.settled(claim, outcome);
                held.delete(nameOf(claim));
              },
            ),
          )(),
        ),
      ),
  };

  const gateway: MessageGateway = {
    send:
      ({ senderId }) =>
      async () =>
        heard(await cloud.send(senderId)),
    pause: () => cloud.pause,
    ready: () => TE.right(undefined),
  };

  const ports = makeMemoryPorts({ outbox: watched, gateway, now: time.now, random: () => random });
  const relay = startRelay({
    misc: createMisc(ports),
    outbox: watched,
    timer: (ring, ms) => time.after(ms, () => heard(undefined).then(ring)),
  });
  return {
    store,
    isAwake: () => !suspended,
    end: async () => (await relay).stop(),
    kill: () => {
      dead = true;
      doubt();
    },
    suspend: () => {
      doubt();
      wake();
      suspended = true;
      awake = new Promise((resolve) => {
        wake = resolve;
      });
    },
    wake: () => {
      suspended = false;
      wake();
    },
  };
};

/** Begins a history in which nothing has happened, on a new store. */
export const makeHistory = async (makeStore: MakeSharedStore): Promise<History> => {
  const time = makeVirtualTime();
  const { settleDown } = time;
  const shared = await makeStore(time.now);
  const openStores = new Set<OpenStore>();
  const ledger = makeLedger();
  const cloud = makeCloud(time, ledger);
  const faults: StoreFault[] = [];
  const failures: unknown[] = [];
  const world: World = {
    ...{ time, ledger, order: makeOrder(), cloud },
    nextFault: () => faults.shift(),
    fail: (why) => failures.push(why),
  };
  let deliverers: ReadonlyArray<Deliverer> = [];
  let count = 0;

  const openStore = async (): Promise<OpenStore> => {
    const store = await shared.open();
    openStores.add(store);
    return store;
  };

  const closeStore = async (store: OpenStore): Promise<void> => {
    if (openStores.delete(store)) {
      await store.close();
    }
  };

  // The store as the history itself has it open, beside the processes.
  const own = await openStore();

  const at = <A>(list: ReadonlyArray<A>, index: number): A | undefined =>
    list[index % Math.max(1, list.length)];

  /** Does something to one of the processes; if that is the end of it, it is one no more. */
  const act = async (
    index: number,
    what: (deliverer: Deliverer) => void,
    { last = false } = {},
  ): Promise<void> => {
    const deliverer = at(deliverers, index);
    if (deliverer !== undefined) {
      what(deliverer);
      deliverers = last ? deliverers.filter((one) => one !== deliverer) : deliverers;
    }
    await settleDown();
  };

  const decide = async (index: number, fate: Fate): Promise<void> => {
    const sending = at(cloud.sendings(), index);
    if (sending !== undefined) {
      cloud.decide(sending, fate);
    }
    await settleDown();
  };

  const decideAll = async (fate: Fate): Promise<void> => {
    while (cloud.sendings().length > 0) {
      await decide(0, fate);
    }
  };

  const start = async (random: number): Promise<void> => {
    deliverers = [...deliverers, makeDeliverer(world, await openStore(), random)];
    await settleDown();
  };

  // No call of the process is under way: a step ends when the store has answered all of them.
  const kill = async (index: number): Promise<void> => {
    const killed = at(deliverers, index);
    await act(index, (one) => one.kill(), { last: true });
    if (killed !== undefined) {
      await closeStore(killed.store);
    }
  };

  const end = (index: number): Promise<void> =>
    act(index, (one) => one.end().then(() => closeStore(one.store)), { last: true });

  const retry = async (): Promise<void> => {
    await succeed(own.outbox.retry(time.now()));
    await settleDown();
  };

  const check = async (): Promise<void> => {
    if (failures.length > 0) {
      throw failures[0];
    }
    const status = await succeed(own.outbox.status(time.now()));
    const pending = ledger.pending();
    assert.equal(status.pending, pending.length, "nothing acknowledged is lost or made up");
    assert.equal(status.dead, ledger.dead().length, "what can never be taken is kept aside");
    assert.deepEqual(
      status.oldest,
      pending.length === 0 ? O.none : O.some(Math.min(...pending.map(({ storedAt }) => storedAt))),
      "the age of the oldest is known",
    );
    const busy = cloud.conversations();
    assert.equal(new Set(busy).size, busy.length, "of a conversation one notice is on its way");
    for (const { name, taken, doubts } of ledger.all()) {
      assert.ok(taken <= 1 + doubts, `${name} was taken ${taken} times with ${doubts} doubts`);
    }
  };

  return {
    deliverers: () => deliverers.length,
    sendings: () => cloud.sendings().length,
    store: async (type, name, withStatus) => {
      count += 1;
      const notice = noticeFrom(`n${count}`, type);
      const conversation = `${type.toLowerCase()}:${name}`;
      ledger.append({
        conversation,
        name: notice.senderId,
        storedAt: time.now(),
        postponed: 0,
        taken: 0,
        doubts: 0,
      });
      const stores = [own, ...deliverers.filter((one) => one.isAwake()).map(({ store }) => store)];
      const { settings, outbox } = at(stores, count) ?? own;
      await succeed(
        withStatus
          ? settings.setNoticeStatus(conversation, 1, notice)
          : outbox.add(conversation, notice),
      );
      await settleDown();
    },
    advance: time.advance,
    pause: async (ms) => cloud.pauseFor(ms),
    breakStore: async (fault) => {
      faults.push(fault);
    },
    start,
    end,
    kill,
    suspend: (index) => act(index, (one) => one.suspend()),
    wake: (index) => act(index, (one) => one.wake()),
    decide,
    retry,
    revive: async () => {
      ledger.revived();
      await succeed(own.outbox.revive());
      await settleDown();
    },
    check,
    reached: ledger.reached,
    conclude: async () => {
      while (deliverers.length > 0) {
        await kill(0);
      }
      faults.length = 0;
      cloud.pauseFor(0);
      await decideAll("lost");
      await retry();
      await start(0);
      for (let second = 0; second < 10; second += 1) {
        await decideAll("taken");
        await time.advance(1_000);
      }
      await check();
      assert.deepEqual(ledger.pending(), [], "10 s after the last death all is delivered");
      await kill(0);
    },
    close: async () => {
      await Promise.all([...openStores].map(closeStore));
      await shared.remove();
    },
  };
};
