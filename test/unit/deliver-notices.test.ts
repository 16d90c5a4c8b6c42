import test from "ava";
import * as O from "fp-ts/lib/Option.js";
import { makeMemoryGateway, makeMemoryStore } from "../../adapters/memory/mod.ts";
import type { GatewayError } from "../../core/domain/delivery.ts";
import { deliverNext } from "../../core/usecases/deliver-notices.ts";
import { makeClock, noticeFrom } from "../contract/fixtures.ts";
import { fail, succeed } from "../support/expect.ts";

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
  return { clock, ports, ...store, ...gateway, deliver: deliverNext(ports) };
};

const away: GatewayError = { _tag: "GATEWAY_UNAVAILABLE", delivery: "unknown", cause: "x" };

test("deliverNext() answers none when nothing is due", async (t) => {
  t.deepEqual(await succeed(makeDelivery().deliver()), O.none);
});

test("deliverNext() delivers what has been due longest, one at a call", async (t) => {
  const { outbox, taken, deliver } = makeDelivery();
  await succeed(outbox.add("group:1", noticeFrom("a")));
  await succeed(outbox.add("group:1", noticeFrom("b")));
  t.like(await succeed(deliver()), { _tag: "Some", value: { outcome: { _tag: "DELIVERED" } } });
  t.deepEqual(taken, [noticeFrom("a")]);
  await succeed(deliver());
  t.deepEqual(taken, [noticeFrom("a"), noticeFrom("b")]);
});

test("deliverNext() keeps a refused notice and its order until the gateway is back", async (t) => {
  const { clock, outbox, taken, refuseWith, deliver } = makeDelivery();
  await succeed(outbox.add("group:1", noticeFrom("a")));
  await succeed(outbox.add("group:1", noticeFrom("b")));
  refuseWith(away);
  t.like(await succeed(deliver()), { value: { outcome: { _tag: "POSTPONED", until: 125 } } });
  t.deepEqual(await succeed(deliver()), O.none);
  clock.set(125);
  t.like(await succeed(deliver()), { value: { outcome: { _tag: "POSTPONED", until: 375 } } });
  refuseWith(undefined);
  clock.set(375);
  await succeed(deliver());
  await succeed(deliver());
  t.deepEqual(taken, [noticeFrom("a"), noticeFrom("b")]);
});

test("deliverNext() goes on with the conversation behind a notice that is never taken", async (t) => {
  const { outbox, taken, refuseWith, deliver } = makeDelivery();
  await succeed(outbox.add("group:1", noticeFrom("a")));
  await succeed(outbox.add("group:1", noticeFrom("b")));
  refuseWith({ _tag: "GATEWAY_REJECTED", gatewayCode: 1002, cure: "none" });
  await succeed(deliver());
  refuseWith(undefined);
  await succeed(deliver());
  t.deepEqual(taken, [noticeFrom("b")]);
  t.like(await succeed(outbox.buried()), [{ reason: "GATEWAY_REJECTED 1002" }]);
});

test("deliverNext() answers CLAIM_LOST when it took longer than its lease", async (t) => {
  const { clock, ports, outbox, taken } = makeDelivery();
  await succeed(outbox.add("group:1", noticeFrom("a")));
  const slow = deliverNext({
    ...ports,
    gateway: {
      ...ports.gateway,
      send: (message) => async () => {
        clock.set(60_000);
        await succeed(deliverNext(ports)());
        return ports.gateway.send(message)();
      },
    },
  });
  t.deepEqual(await fail(slow()), { _tag: "CLAIM_LOST" });
  t.is(taken.length, 2);
});
