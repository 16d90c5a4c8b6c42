/**
 * Drawn histories of each store and its relays: notices are stored, time passes, processes start,
 * end, die, are suspended and wake up, the store and the gateway fail.
 *
 * A history that fails is printed, shortened, with its seed: with HISTORIES_SEED set to that seed,
 * the same histories are drawn again. HISTORIES is the number of histories on the memory store; the
 * other stores get a fixed part of it.
 */

import * as fc from "fast-check";
import { makeMemoryStore } from "../../adapters/memory/mod.ts";
import { openRedisStore } from "../../adapters/redis/mod.ts";
import { openSqliteStore } from "../../adapters/sqlite/mod.ts";
import { succeed } from "../contract/expect.ts";
import { startRedisServer } from "../support/redis-server.ts";
import { makeFastTempDir } from "../support/temp-dir.ts";
import { type ExecutionContext, test } from "../support/test.ts";
import {
  type Fate,
  type History,
  type MakeSharedStore,
  makeHistory,
  type Reached,
  type StoreFault,
} from "./history.ts";

const HISTORIES = Number(process.env.HISTORIES ?? "2000");
const SEED = process.env.HISTORIES_SEED;

const LONGEST = 60;

type Step = (history: History) => Promise<void>;

/** Something that happens; afterwards everything must be true that must be true. */
const event = (title: string, step: Step): fc.AsyncCommand<object, History> => ({
  check: () => true,
  run: async (_model, history) => {
    await step(history);
    await history.check();
  },
  toString: () => title,
});

type Event = fc.Arbitrary<fc.AsyncCommand<object, History>>;

const index = fc.nat(7);

const stores: Event = fc
  .tuple(fc.constantFrom("PRIVATE", "GROUP"), fc.constantFrom("a", "b", "c"), fc.boolean())
  .map(([type, name, withStatus]) =>
    event(`store(${type}, ${name})`, ({ store }) => store(type, name, withStatus)),
  );

const passes: Event = fc
  .oneof(fc.integer({ min: 1, max: 600 }), fc.constantFrom(3_998, 4_000, 7_999, 8_000, 61_000))
  .map((ms) => event(`advance(${ms})`, ({ advance }) => advance(ms)));

const decides = (...fates: ReadonlyArray<Fate>): Event =>
  fc
    .tuple(index, fc.constantFrom(...fates))
    .map(([which, fate]) =>
      event(`decide(${which}, ${fate})`, ({ decide }) => decide(which, fate)),
    );

const happens = (name: "end" | "kill" | "suspend" | "wake"): Event =>
  index.map((which) => event(`${name}(${which})`, (history) => history[name](which)));

/** A process is suspended for longer than a lease, while another one may take its claims over. */
const oversleeps: Event = fc
  .tuple(index, fc.integer({ min: 8_000, max: 9_000 }))
  .map(([which, ms]) =>
    event(`oversleep(${which}, ${ms})`, async ({ suspend, advance, wake }) => {
      await suspend(which);
      await advance(ms);
      await wake(which);
    }),
  );

const starts: Event = fc
  .double({ min: 0, max: 1, maxExcluded: true, noNaN: true })
  .map((random) => event(`start(${random})`, ({ start }) => start(random)));

const pauses: Event = fc
  .integer({ min: 1, max: 5_000 })
  .map((ms) => event(`pause(${ms})`, ({ pause }) => pause(ms)));

const breaks: Event = fc
  .constantFrom<StoreFault>("before", "after")
  .map((fault) => event(`breakStore(${fault})`, ({ breakStore }) => breakStore(fault)));

const helps: Event = fc
  .constantFrom("retry", "revive")
  .map((name) => event(name, (history) => history[name]()));

const EVENTS: Array<Event> = [
  stores,
  stores,
  stores,
  starts,
  passes,
  passes,
  decides("taken"),
  decides("taken", "taken in silence", "lost", "not reached"),
  decides("refused for ever", "refused until the operator acts", "not reached"),
  happens("end"),
  happens("kill"),
  happens("suspend"),
  happens("wake"),
  happens("wake"),
  oversleeps,
  pauses,
  breaks,
  helps,
];

// Each store answers each call: a machine that is busy must not make it late.
const DEADLINE_MS = 30_000;

const memory: MakeSharedStore = async (now) => {
  const { settings, outbox } = makeMemoryStore({ now });
  return {
    open: async () => ({ settings, outbox, close: async () => {} }),
    remove: async () => {},
  };
};

/** A database file that each process opens by itself. */
const sqlite =
  (thread: boolean): MakeSharedStore =>
  async (now) => {
    const { dir, remove } = await makeFastTempDir();
    return {
      open: () => succeed(openSqliteStore({ dir, now, thread, deadlineMs: DEADLINE_MS })),
      remove,
    };
  };

let prefixes = 0;

/** Keys of one prefix on a server, to which each process has a connection of its own. */
const redis =
  (url: string): MakeSharedStore =>
  async (now) => {
    prefixes += 1;
    const options = { urls: [url], prefix: `history${prefixes}:`, commandMs: DEADLINE_MS };
    return { open: () => openRedisStore({ ...options, now }), remove: async () => {} };
  };

/** Plays histories until one fails, and adds up what they reached. */
const play = async (
  t: ExecutionContext,
  makeStore: MakeSharedStore,
  share: number,
): Promise<Reached> => {
  t.timeout(1_800_000);
  let sum: Reached = { delivered: 0, takenAgain: 0, postponed: 0, dead: 0, claimsLost: 0 };
  const histories = fc.asyncProperty(
    fc.commands(EVENTS, { maxCommands: LONGEST, size: "max" }),
    async (events) => {
      const history = await makeHistory(makeStore);
      try {
        await fc.asyncModelRun(() => ({ model: {}, real: history }), events);
        await history.conclude();
      } finally {
        await history.close();
      }
      const reached = history.reached();
      sum = {
        delivered: sum.delivered + reached.delivered,
        takenAgain: sum.takenAgain + reached.takenAgain,
        postponed: sum.postponed + reached.postponed,
        dead: sum.dead + reached.dead,
        claimsLost: sum.claimsLost + reached.claimsLost,
      };
    },
  );
  await t.notThrowsAsync(
    fc.assert(histories, {
      numRuns: Math.ceil(HISTORIES * share),
      includeErrorInReport: true,
      ...(SEED === undefined ? {} : { seed: Number(SEED) }),
    }),
  );
  t.log(JSON.stringify(sum));
  return sum;
};

const RULES = "keeps every notice and its order";

test(`memory store ${RULES} in drawn histories`, async (t) => {
  const reached = await play(t, memory, 1);
  // Histories in which one of these never happens would prove nothing about it.
  t.deepEqual(
    Object.entries(reached).filter(([, count]) => count === 0),
    [],
  );
});

test(`SQLite store of several processes ${RULES} in drawn histories`, async (t) => {
  const { delivered } = await play(t, sqlite(false), 0.075);
  t.true(delivered > 0);
});

test(`SQLite store of several processes with threads ${RULES} in drawn histories`, async (t) => {
  const { delivered } = await play(t, sqlite(true), 0.004);
  t.true(delivered > 0);
});

test(`Redis store of several processes ${RULES} in drawn histories`, async (t) => {
  const server = await startRedisServer();
  t.teardown(server.close);
  const { delivered } = await play(t, redis(server.url), 0.02);
  t.true(delivered > 0);
});
