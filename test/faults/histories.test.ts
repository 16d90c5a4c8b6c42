/**
 * Thousands of drawn histories of the outbox and its relays: notices are stored, time passes,
 * processes start, end, die, are stopped and wake up, the cloud does whatever clouds do.
 *
 * A failing one is printed, shortened, with its seed: with HISTORIES_SEED set to that, the same are
 * drawn again. HISTORIES is how many there are to be.
 */

import * as fc from "fast-check";
import { test } from "../support/test.ts";
import { type Fate, type History, makeHistory, type Reached, type StoreFault } from "./history.ts";

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
  pauses,
  breaks,
  helps,
];

test("no drawn history loses a notice, delivers one out of order, or two of a conversation at once", async (t) => {
  t.timeout(600_000);
  const reached: Reached[] = [];
  const histories = fc.asyncProperty(
    fc.commands(EVENTS, { maxCommands: LONGEST, size: "max" }),
    async (events) => {
      const history = makeHistory();
      await fc.asyncModelRun(() => ({ model: {}, real: history }), events);
      await history.conclude();
      reached.push(history.reached());
    },
  );
  await t.notThrowsAsync(
    fc.assert(histories, {
      numRuns: HISTORIES,
      ...(SEED === undefined ? {} : { seed: Number(SEED) }),
    }),
  );
  for (const what of ["delivered", "takenAgain", "postponed", "dead", "claimsLost"] as const) {
    const count = reached.reduce((sum, one) => sum + one[what], 0);
    t.log(`${what}: ${count}`);
    t.true(count > 0, what);
  }
});
