import assert from "node:assert/strict";
import { isSome } from "fp-ts/lib/Option.js";
import {
  makeMemoryGateway,
  makeMemoryPorts,
  makeMemoryStore,
} from "../../../adapters/memory/mod.ts";
import { createMisc } from "../../../core/mod.ts";
import { id, succeed } from "../../contract/expect.ts";

Deno.test("createMisc() decides, stores and delivers under Deno, from its sources", async () => {
  const store = makeMemoryStore();
  const { gateway, taken } = makeMemoryGateway();
  const misc = createMisc(makeMemoryPorts({ ...store, gateway }));
  await succeed(store.relationships.addFriends([[id("1"), id("2")]]));

  assert.ok(isSome(await succeed(misc.checkUpdate("1.0.0"))));
  const conversation = { caller: id("1"), conversationType: 1, targetId: "w-2" };
  await succeed(misc.setScreenCapture({ ...conversation, noticeStatus: 1 }));
  assert.equal(await succeed(misc.getScreenCapture(conversation)), 1);
  const next = await succeed(misc.claimNext("PRIVATE"));
  assert.ok(next._tag === "CLAIMED");
  await succeed(misc.deliver(next.claim));
  assert.deepEqual(
    taken.map(({ objectName, targetId }) => [objectName, targetId]),
    [["ST:ConNtf", "w-2"]],
  );
});
