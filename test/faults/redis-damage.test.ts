/**
 * Damaged records in Redis, and records that another program or a newer version wrote: the relay must
 * not send a notice that it cannot settle, since it would send the notice again after each lease.
 */
import * as E from "fp-ts/lib/Either.js";
import * as TE from "fp-ts/lib/TaskEither.js";
import { Redis } from "ioredis";
import { type Keys, makeKeys, type PartitionKeys } from "../../adapters/redis/keys.ts";
import { openRedisStore } from "../../adapters/redis/mod.ts";
import type { ConversationKey, ConversationType } from "../../core/domain/conversation.ts";
import type { GatewayError } from "../../core/domain/errors.ts";
import { claimNext, type DeliveryPorts, deliver } from "../../core/usecases/deliver-notices.ts";
import { succeed } from "../contract/expect.ts";
import { type Clock, makeClock, noticeFrom } from "../contract/fixtures.ts";
import { startRedisServer } from "../support/redis-server.ts";
import { test } from "../support/test.ts";

const server = await startRedisServer();
const admin = new Redis(server.url);
test.after.always(server.close);
test.after.always(() => admin.disconnect());

const G: ConversationKey = "group:g";
const LEASE_MS = 8_001;
const LEASES = 4;
const CLAIMS_A_LEASE = 3;

/** Where a damaged store is. */
interface Place {
  readonly keys: Keys;
  /** The keys of the partition that has the conversation. */
  readonly of: PartitionKeys;
}

type Commands = ReadonlyArray<readonly [string, ...ReadonlyArray<string | number>]>;

interface Damage {
  readonly what: string;
  readonly commands: (place: Place) => Commands | Promise<Commands>;
}

const UNAVAILABLE: GatewayError = { _tag: "GATEWAY_UNAVAILABLE", delivery: "none", cause: "away" };
const REFUSED: GatewayError = { _tag: "GATEWAY_REJECTED", gatewayCode: 1005, cure: "none" };

/** The answer of the gateway to each notice. */
const ANSWERS: Readonly<Record<string, E.Either<GatewayError, void>>> = {
  takes: E.right(undefined),
  refuses: E.left(REFUSED),
  "is away for": E.left(UNAVAILABLE),
};

const NUMBERS = [
  ...["abc", "", "1e3", "007", "-0", "+1", " 1", "1.5", "0x10"],
  ...["99999999999999999999", "9223372036854775807", "-9223372036854775808"],
  ...["9007199254740993", "123456789012345"],
];

const keyOf: Readonly<Record<string, (place: Place) => string>> = {
  queue: ({ of }) => of.queue(G),
  state: ({ of }) => of.state(G),
  due: ({ of }) => of.due("GROUP"),
  leases: ({ of }) => of.leases,
  ages: ({ of }) => of.ages,
  tallies: ({ of }) => of.tallies,
  dead: ({ of }) => of.dead,
  token: ({ of }) => of.token,
  sequence: ({ of }) => of.sequence,
};

const TYPES: ReadonlyArray<readonly [string, string, ...string[]]> = [
  ["a string", "SET", "text"],
  ["a list", "RPUSH", "text"],
  ["a set", "SADD", "text"],
  ["a hash", "HSET", "field", "text"],
  ["a sorted set", "ZADD", "1", "text"],
  ["a stream", "XADD", "*", "field", "text"],
];

const head = async ({ of }: Place): Promise<string> => String(await admin.lindex(of.queue(G), 0));

const HEADS: ReadonlyArray<readonly [string, (entry: string) => string]> = [
  ["has lost its number", (entry) => entry.replace(/^\d+ /, "")],
  ["has a number that is none", (entry) => entry.replace(/^\d+/, "x")],
  ["has a negative number", (entry) => entry.replace(/^\d+/, "-1")],
  ["has a very long number", (entry) => entry.replace(/^\d+/, "9".repeat(40))],
  ["is empty", () => ""],
  ["is a number alone", () => "1"],
  ["is no JSON", () => "1 {"],
  ["is JSON of another kind", () => '1 {"v":1,"value":[]}'],
  ["is of a newer version", (entry) => entry.replace('"v":1', '"v":2')],
  ["is for the other type", (entry) => entry.replace('"GROUP"', '"PRIVATE"')],
  ["is for no known type", (entry) => entry.replace('"GROUP"', '"CHANNEL"')],
];

const DAMAGES: ReadonlyArray<Damage> = [
  ...Object.entries(keyOf).flatMap(([name, key]) => [
    { what: `no ${name}`, commands: (place: Place): Commands => [["DEL", key(place)]] },
    ...TYPES.map(([type, command, ...args]) => ({
      what: `${type} in the place of ${name}`,
      commands: (place: Place): Commands => [
        ["DEL", key(place)],
        [command, key(place), ...args],
      ],
    })),
  ]),
  ...NUMBERS.flatMap((number) => [
    {
      what: `a token of ${JSON.stringify(number)}`,
      commands: ({ of }: Place): Commands => [["SET", of.token, number]],
    },
    ...["tries", "token"].map((field) => ({
      what: `a state whose ${field} is ${JSON.stringify(number)}`,
      commands: ({ of }: Place): Commands => [["HSET", of.state(G), field, number]],
    })),
    ...["postponed GATEWAY_UNAVAILABLE", "dead GATEWAY_REJECTED 1005", "x"].map((field) => ({
      what: `a tally ${field} of ${JSON.stringify(number)}`,
      commands: ({ of }: Place): Commands => [["HSET", of.tallies, field, number]],
    })),
  ]),
  ...["token", "tries", "reason"].map((field) => ({
    what: `a state without ${field}`,
    commands: ({ of }: Place): Commands => [["HDEL", of.state(G), field]],
  })),
  {
    what: "a state with a reason that nobody counted, and a field that nobody knows",
    commands: ({ of }) => [["HSET", of.state(G), "reason", "other", "v", "2"]],
  },
  ...HEADS.map(([what, change]) => ({
    what: `a head that ${what}`,
    commands: async (place: Place): Promise<Commands> => [
      ["LSET", place.of.queue(G), 0, change(await head(place))],
    ],
  })),
  ...HEADS.map(([what, change]) => ({
    what: `an entry behind the head that ${what}`,
    commands: async (place: Place): Promise<Commands> => [
      ["LSET", place.of.queue(G), 1, change(String(await admin.lindex(place.of.queue(G), 1)))],
    ],
  })),
  {
    what: "a conversation that is due among those of the other type too",
    commands: ({ of }) => [["ZADD", of.due("PRIVATE"), 0, G]],
  },
  {
    what: "a conversation that is due in another partition too",
    commands: ({ keys, of }) => [["ZADD", elsewhere(keys, of).due("GROUP"), 0, G]],
  },
  {
    what: "a conversation that was copied into another partition",
    commands: async ({ keys, of }) => {
      const other = elsewhere(keys, of);
      return [
        ["COPY", of.queue(G), other.queue(G)],
        ["ZADD", other.due("GROUP"), 0, G],
        ["DEL", of.queue(G)],
      ];
    },
  },
  {
    what: "leases of a foreign conversation",
    commands: ({ of }) => [["ZADD", of.leases, 1e15, "other", 1e15, G]],
  },
  {
    what: "ages of foreign notices",
    commands: ({ of }) => [["ZADD", of.ages, 1, "other", "-inf", "x"]],
  },
  {
    what: "a dead letter that is no JSON",
    commands: ({ of }) => [["RPUSH", of.dead, "text"]],
  },
];

const elsewhere = ({ partitions }: Keys, of: PartitionKeys): PartitionKeys => {
  const other = partitions.find(({ token }) => token !== of.token);
  if (other === undefined) {
    throw new Error("there is one partition only");
  }
  return other;
};

let places = 0;

const damage = async ({ commands }: Damage, place: Place): Promise<void> => {
  for (const [command, ...args] of await commands(place)) {
    // LSET fails where another damage has removed the entry.
    await admin.call(command, ...args.map(String)).catch(() => {});
  }
};

/** Counts of each notice how often it was sent, and how often that was settled as postponed. */
const makeCounts = () => {
  const counts = new Map<string, { sent: number; postponed: number }>();
  return (name: string) => {
    const found = counts.get(name) ?? { sent: 0, postponed: 0 };
    counts.set(name, found);
    return found;
  };
};

/** Claims and delivers one notice, if one is due; faults are as a relay has them. */
const deliverNext = async (
  ports: DeliveryPorts,
  type: ConversationType,
  onPostponed: (name: string) => void,
): Promise<void> => {
  const next = await claimNext(ports)(type)();
  if (E.isLeft(next) || next.right._tag !== "CLAIMED") {
    return;
  }
  const delivery = await deliver(ports)(next.right.claim)();
  if (E.isRight(delivery) && delivery.right.outcome._tag === "POSTPONED") {
    onPostponed(next.right.claim.notice.senderId);
  }
};

/** Claims and delivers whatever is due, lease after lease. */
const runLeases = async (
  ports: DeliveryPorts,
  clock: Clock,
  onPostponed: (name: string) => void,
): Promise<void> => {
  for (let lease = 0; lease < LEASES; lease += 1) {
    for (let claims = 0; claims < CLAIMS_A_LEASE; claims += 1) {
      await deliverNext(ports, "PRIVATE", onPostponed);
      await deliverNext(ports, "GROUP", onPostponed);
    }
    clock.set(clock.now() + LEASE_MS);
  }
};

const NAMES = ["alice", "bob", "carol"];

/** Damages a store, delivers from it, and says which notices were sent too often. */
const tryDamage = async (
  one: Damage,
  answer: E.Either<GatewayError, void>,
  { postponedBefore, whileSent }: { postponedBefore: boolean; whileSent: boolean },
): Promise<ReadonlyArray<string>> => {
  places += 1;
  const prefix = `damage${places}:`;
  const keys = makeKeys(prefix);
  const place = { keys, of: keys.partitionOf(G) };
  const clock = makeClock(1_000_000);
  const { outbox, close } = await openRedisStore({ urls: [server.url], prefix, now: clock.now });
  const countsOf = makeCounts();
  let answers = answer;
  let onSend = async (): Promise<void> => {};
  const ports: DeliveryPorts = {
    outbox,
    gateway: {
      send:
        ({ senderId }) =>
        async () => {
          countsOf(senderId).sent += 1;
          await onSend();
          return answers;
        },
      pause: () => () => 0,
      ready: () => TE.right(undefined),
    },
    now: clock.now,
    random: () => 0.5,
  };
  for (const name of NAMES) {
    await succeed(outbox.add(G, noticeFrom(name)));
  }
  if (postponedBefore) {
    answers = E.left(UNAVAILABLE);
    const next = await succeed(claimNext(ports)("GROUP"));
    if (next._tag === "CLAIMED") {
      await succeed(deliver(ports)(next.claim));
      countsOf("alice").postponed += 1;
    }
    answers = answer;
    clock.set(clock.now() + LEASE_MS);
  }
  if (whileSent) {
    let done = false;
    onSend = async () => {
      if (!done) {
        done = true;
        await damage(one, place);
      }
    };
  } else {
    await damage(one, place);
  }
  await runLeases(ports, clock, (name) => {
    countsOf(name).postponed += 1;
  });
  await close();
  // A claim that is damaged while it is held is lost: it may be made once more.
  const allowed = whileSent ? 2 : 1;
  return NAMES.flatMap((name) => {
    const { sent, postponed } = countsOf(name);
    return sent > postponed + allowed
      ? [`${one.what}: ${name} was sent ${sent} times and postponed ${postponed} times`]
      : [];
  });
};

for (const [what, answer] of Object.entries(ANSWERS)) {
  for (const postponedBefore of [false, true]) {
    for (const whileSent of [false, true]) {
      const when = `${postponedBefore ? "postponed " : ""}notices ${whileSent ? "during the first delivery" : "before the first claim"}`;
      test(`relay sends no notice again and again after damage to ${when} when the gateway ${what} them`, async (t) => {
        const tooOften: string[] = [];
        for (const one of DAMAGES) {
          tooOften.push(...(await tryDamage(one, answer, { postponedBefore, whileSent })));
        }
        t.deepEqual(tooOften, []);
      });
    }
  }
}
