import * as TE from "fp-ts/lib/TaskEither.js";
import { makeMemoryGateway, makeMemoryStore } from "../../adapters/memory/mod.ts";
import { type Claim, LEASE_MS } from "../../core/domain/delivery.ts";
import { type GatewayError, storeUnavailable } from "../../core/domain/errors.ts";
import { claimNext, type DeliveryPorts, deliver } from "../../core/usecases/deliver-notices.ts";
import { fail, succeed } from "../contract/expect.ts";
import { makeClock, noticeFrom } from "../contract/fixtures.ts";
import { test } from "../support/test.ts";

const makeDelivery = () => {
  const clock = makeClock();
  const store = makeMemoryStore({ now: clock.now });
  const gateway = makeMemoryGateway();
  const ports = {
    outbox: store.outbox,
    gateway: gateway.gateway,
    now: clock.now,
    random: () => 0.5,
  };
  return { clock, ports, ...store, ...gateway };
};

const claimed = async (ports: DeliveryPorts): Promise<Claim> => {
  const next = await succeed(claimNext(ports)("GROUP"));
  if (next._tag !== "CLAIMED") {
    throw new Error(`nothing claimed: ${next._tag}`);
  }
  return next.claim;
};

/** Claims what is due and delivers it; the outcome. */
const step = async (ports: DeliveryPorts) =>
  (await succeed(deliver(ports)(await claimed(ports)))).outcome;

const away: GatewayError = { _tag: "GATEWAY_UNAVAILABLE", delivery: "unknown", cause: "x" };

test("claimNext() says when nothing is due", async (t) => {
  const { ports } = makeDelivery();
  t.deepEqual(await succeed(claimNext(ports)("GROUP")), { _tag: "NOTHING_DUE" });
});

test("claimNext() claims nothing while the gateway had better be left alone", async (t) => {
  const { ports, outbox, taken } = makeDelivery();
  await succeed(outbox.add("group:1", noticeFrom("a")));
  const asked: string[] = [];
  const gateway = {
    ...ports.gateway,
    pause: (type: string) => () => {
      asked.push(type);
      return 700;
    },
  };
  t.deepEqual(await succeed(claimNext({ ...ports, gateway })("GROUP")), {
    _tag: "PAUSED",
    ms: 700,
  });
  t.deepEqual(asked, ["GROUP"]);
  t.is((await succeed(outbox.status(0))).inFlight, 0);
  t.deepEqual(await step(ports), { _tag: "DELIVERED" });
  t.is(taken.length, 1);
});

test("deliver() takes a conversation's notices to the gateway in their order", async (t) => {
  const { ports, outbox, taken } = makeDelivery();
  await succeed(outbox.add("group:1", noticeFrom("a")));
  await succeed(outbox.add("group:1", noticeFrom("b")));
  await step(ports);
  t.deepEqual(taken, [noticeFrom("a")]);
  await step(ports);
  t.deepEqual(taken, [noticeFrom("a"), noticeFrom("b")]);
});

test("deliver() keeps a refused notice and its order until the gateway is back", async (t) => {
  const { clock, ports, outbox, taken, refuseWith } = makeDelivery();
  await succeed(outbox.add("group:1", noticeFrom("a")));
  await succeed(outbox.add("group:1", noticeFrom("b")));
  refuseWith(away);
  t.like(await step(ports), { _tag: "POSTPONED", until: 125 });
  t.deepEqual(await succeed(claimNext(ports)("GROUP")), { _tag: "NOTHING_DUE" });
  clock.set(125);
  t.like(await step(ports), { _tag: "POSTPONED", until: 375 });
  refuseWith(undefined);
  clock.set(375);
  await step(ports);
  await step(ports);
  t.deepEqual(taken, [noticeFrom("a"), noticeFrom("b")]);
});

test("deliver() says why a notice was not delivered", async (t) => {
  const { ports, outbox, refuseWith } = makeDelivery();
  await succeed(outbox.add("group:1", noticeFrom("a")));
  refuseWith(away);
  const { error } = await succeed(deliver(ports)(await claimed(ports)));
  t.deepEqual(error, { _tag: "Some", value: away });
});

test("deliver() goes on with the conversation behind a notice that is never taken", async (t) => {
  const { ports, outbox, taken, refuseWith } = makeDelivery();
  await succeed(outbox.add("group:1", noticeFrom("a")));
  await succeed(outbox.add("group:1", noticeFrom("b")));
  refuseWith({ _tag: "GATEWAY_REJECTED", gatewayCode: 1002, cure: "none" });
  await step(ports);
  refuseWith(undefined);
  await step(ports);
  t.deepEqual(taken, [noticeFrom("b")]);
  t.like(await succeed(outbox.deadLetters()), [{ reason: "GATEWAY_REJECTED 1002" }]);
});

test("deliver() sends nothing when it was held up until its lease is nearly over", async (t) => {
  const { clock, ports, outbox, taken } = makeDelivery();
  await succeed(outbox.add("group:1", noticeFrom("a")));
  const claim = await claimed(ports);
  clock.set(LEASE_MS - 1_000);
  t.deepEqual(await fail(deliver(ports)(claim)), { _tag: "CLAIM_LOST" });
  t.deepEqual(taken, []);
  clock.set(LEASE_MS);
  await step(ports);
  t.deepEqual(taken, [noticeFrom("a")]);
});

test("deliver() answers CLAIM_LOST when sending took longer than its lease", async (t) => {
  const { clock, ports, outbox, taken } = makeDelivery();
  await succeed(outbox.add("group:1", noticeFrom("a")));
  const gateway: DeliveryPorts["gateway"] = {
    ...ports.gateway,
    send: (message) => async () => {
      clock.set(60_000);
      await step(ports);
      return ports.gateway.send(message)();
    },
  };
  const slow = { ...ports, gateway };
  t.deepEqual(await fail(deliver(slow)(await claimed(slow))), { _tag: "CLAIM_LOST" });
  t.is(taken.length, 2);
});

for (const [failures, settled] of [
  [1, true],
  [2, false],
] as const) {
  test(`deliver() ${settled ? "settles" : "gives up"} after ${failures} faults of the store`, async (t) => {
    const { ports, outbox } = makeDelivery();
    await succeed(outbox.add("group:1", noticeFrom("a")));
    let left = failures;
    const flaky = {
      ...outbox,
      settle: (...asked: Parameters<typeof outbox.settle>) =>
        TE.flatten(
          TE.fromIO(() => {
            left -= 1;
            return left >= 0 ? TE.left(storeUnavailable("gone")) : outbox.settle(...asked);
          }),
        ),
    };
    const answer = await deliver({ ...ports, outbox: flaky })(await claimed(ports))();
    t.is(answer._tag, settled ? "Right" : "Left");
    t.is((await succeed(outbox.status(0))).pending, settled ? 0 : 1);
  });
}

test("deliver() tells what became of a notice also when the store did not say that it had settled it", async (t) => {
  const { ports, outbox, refuseWith } = makeDelivery();
  await succeed(outbox.add("group:1", noticeFrom("a")));
  refuseWith({ _tag: "GATEWAY_REJECTED", gatewayCode: 1002, cure: "none" });
  let silent = true;
  const forgetful = {
    ...outbox,
    settle:
      (...asked: Parameters<typeof outbox.settle>) =>
      async () => {
        const answer = await outbox.settle(...asked)();
        const lost = silent;
        silent = false;
        return lost ? TE.left(storeUnavailable("no answer"))() : answer;
      },
  };
  const delivery = deliver({ ...ports, outbox: forgetful })(await claimed(ports));
  t.like(await succeed(delivery), { outcome: { _tag: "DEAD" } });
  t.is((await succeed(outbox.status(0))).dead, 1);
});
