import * as E from "fp-ts/lib/Either.js";
import { makeMemoryGateway, makeMemoryPorts, makeMemoryStore } from "../../adapters/memory/mod.ts";
import { createMisc, type Misc } from "../../core/mod.ts";
import { fail, id, succeed } from "../contract/expect.ts";
import { test } from "../support/test.ts";

const MESSAGE = {
  caller: id("1"),
  conversationType: "GROUP",
  targetId: "w-7",
  objectName: "app:Ping",
  content: "ping",
};

/** A core whose gateway holds every message until it is let go. */
const makeHeld = async (maxConcurrentSends: number): Promise<{ misc: Misc; letGo: () => void }> => {
  const store = makeMemoryStore();
  await succeed(store.relationships.addMembers(id("7"), [id("1")]));
  const { gateway } = makeMemoryGateway();
  let letGo = (): void => {};
  const held = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  const ports = makeMemoryPorts({
    ...store,
    gateway: {
      ...gateway,
      send: (message) => async () => {
        await held;
        return gateway.send(message)();
      },
    },
  });
  return { misc: createMisc(ports, { maxConcurrentSends }), letGo };
};

test("sendMessage() refuses at once what is too much at once, and takes more when there is room", async (t) => {
  const { misc, letGo } = await makeHeld(2);
  const first = [misc.sendMessage(MESSAGE)(), misc.sendMessage(MESSAGE)()];
  t.like(await fail(misc.sendMessage(MESSAGE)), {
    _tag: "GATEWAY_UNAVAILABLE",
    delivery: "none",
    cause: "as many messages are being sent as may be at once",
    retryAfter: 1,
  });
  letGo();
  t.true((await Promise.all(first)).every(E.isRight));
  await succeed(misc.sendMessage(MESSAGE));
});

test("a message has what a push says, or no word of it", async (t) => {
  const { gateway, taken } = makeMemoryGateway();
  const { relationships } = makeMemoryStore();
  await succeed(relationships.addMembers(id("7"), [id("1")]));
  const misc = createMisc(makeMemoryPorts({ gateway, relationships }));
  await succeed(misc.sendMessage(MESSAGE));
  await succeed(misc.sendMessage({ ...MESSAGE, pushContent: "" }));
  t.deepEqual(
    taken.map((message) => ("pushContent" in message ? message.pushContent : "none")),
    ["none", ""],
  );
});

test("notices do not count among the messages that are sent at once", async (t) => {
  const { misc, letGo } = await makeHeld(1);
  await succeed(
    misc.reportScreenCapture({ caller: id("1"), conversationType: 3, targetId: "w-7" }),
  );
  const next = await succeed(misc.claimNext("GROUP"));
  const delivered = next._tag === "CLAIMED" ? misc.deliver(next.claim)() : undefined;
  const sent = misc.sendMessage(MESSAGE)();
  letGo();
  t.true(E.isRight(await sent));
  t.like(await delivered, { right: { outcome: { _tag: "DELIVERED" } } });
});
