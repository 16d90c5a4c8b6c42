import { EventEmitter, once } from "node:events";
import { pipe } from "fp-ts/lib/function.js";
import * as TE from "fp-ts/lib/TaskEither.js";
import { makeMemoryGateway, makeMemoryPorts, makeMemoryStore } from "../../adapters/memory/mod.ts";
import { startRelay } from "../../adapters/relay/mod.ts";
import { storeUnavailable } from "../../core/domain/errors.ts";
import { createMisc, type MessageGateway, type Ports } from "../../core/mod.ts";
import { succeed } from "../contract/expect.ts";
import { noticeFrom } from "../contract/fixtures.ts";
import { test } from "../support/test.ts";

const makeRelayed = (overrides: Partial<Ports> = {}) => {
  const events = new EventEmitter();
  const { gateway } = makeMemoryGateway();
  const watched: MessageGateway = {
    ...gateway,
    send: (message) =>
      pipe(
        gateway.send(message),
        TE.tapIO(() => () => events.emit("taken", message.senderId)),
      ),
  };
  const ports = makeMemoryPorts({ ...makeMemoryStore(), gateway: watched, ...overrides });
  const misc = createMisc(ports);
  const start = (pollMs: number): ReturnType<typeof startRelay> =>
    startRelay({
      misc,
      outbox: ports.outbox,
      pollMs,
      onFault: (fault) => events.emit("fault", fault),
    });
  return { events, ports, start };
};

const NEVER = 2 ** 31 - 1;

test("startRelay() delivers what was left over", async (t) => {
  const { events, ports, start } = makeRelayed();
  await succeed(ports.outbox.add("group:1", noticeFrom("a")));
  const taken = once(events, "taken");
  const relay = await start(NEVER);
  t.deepEqual(await taken, ["a"]);
  await relay.stop();
});

test("startRelay() delivers what is stored while it is idle, without a poll", async (t) => {
  const { events, ports, start } = makeRelayed();
  const relay = await start(NEVER);
  for (const sender of ["a", "b"]) {
    const taken = once(events, "taken");
    await succeed(ports.outbox.add("group:1", noticeFrom(sender)));
    t.deepEqual(await taken, [sender]);
  }
  await relay.stop();
});

test("startRelay() finds by itself what another process stored", async (t) => {
  const { events, ports, start } = makeRelayed({
    outbox: { ...makeMemoryStore().outbox, subscribe: () => TE.right(() => {}) },
  });
  const relay = await start(1);
  const taken = once(events, "taken");
  await succeed(ports.outbox.add("group:1", noticeFrom("a")));
  t.deepEqual(await taken, ["a"]);
  await relay.stop();
});

test("startRelay() tells of a store that is away, and goes on when it is back", async (t) => {
  const { outbox } = makeMemoryStore();
  let down = true;
  const { events, start } = makeRelayed({
    outbox: {
      ...outbox,
      claim: (...asked) => (down ? TE.left(storeUnavailable("gone")) : outbox.claim(...asked)),
    },
  });
  await succeed(outbox.add("group:1", noticeFrom("a")));
  const fault = once(events, "fault");
  const relay = await start(1);
  t.deepEqual(await fault, [storeUnavailable("gone")]);
  const taken = once(events, "taken");
  down = false;
  t.deepEqual(await taken, ["a"]);
  await relay.stop();
});

test("stop() waits for what is on its way and starts nothing more", async (t) => {
  const { outbox } = makeMemoryStore();
  const events = new EventEmitter();
  let release = (): void => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  const gateway = makeMemoryGateway();
  const { start } = makeRelayed({
    outbox,
    gateway: {
      ...gateway.gateway,
      send: (message) => async () => {
        events.emit("sending");
        await held;
        return gateway.gateway.send(message)();
      },
    },
  });
  await succeed(outbox.add("group:1", noticeFrom("a")));
  await succeed(outbox.add("group:1", noticeFrom("b")));
  const sending = once(events, "sending");
  const relay = await start(NEVER);
  await sending;
  const stopped = relay.stop();
  release();
  await stopped;
  t.deepEqual(gateway.taken, [noticeFrom("a")]);
});
