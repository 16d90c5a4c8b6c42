/** What each use case takes by itself, by mitata: its ports answer at once, and keep nothing. */
import * as TE from "fp-ts/lib/TaskEither.js";
import { measure } from "mitata";
import { makeMemoryPorts } from "../../../adapters/memory/mod.ts";
import { createMisc } from "../../../core/mod.ts";
import { id, succeed } from "../../contract/expect.ts";

const nothing = TE.right<never, void>(undefined);
const ports = makeMemoryPorts();
const misc = createMisc({
  ...ports,
  gateway: { ...ports.gateway, send: () => nothing },
  settings: { ...ports.settings, setNoticeStatus: () => nothing },
  outbox: { ...ports.outbox, add: () => nothing },
  relationships: { areFriends: () => TE.right(true), isMember: () => TE.right(true) },
});

const input = { caller: id("1"), conversationType: 1, targetId: "w-2" };
const message = {
  ...input,
  conversationType: "PRIVATE",
  objectName: "RC:TxtMsg",
  content: "hello",
};
const set = { ...input, noticeStatus: 1 } as const;

/** The zero line: what calls have in common that are awaited. */
const idle = async (): Promise<void> => {};

const CASES: Readonly<Record<string, () => Promise<unknown>>> = {
  "an awaited function that does nothing": idle,
  checkUpdate: () => misc.checkUpdate("1.0.0")(),
  mobileVersions: () => misc.mobileVersions()(),
  sendMessage: () => misc.sendMessage(message)(),
  getScreenCapture: () => misc.getScreenCapture(input)(),
  setScreenCapture: () => misc.setScreenCapture(set)(),
  reportScreenCapture: () => misc.reportScreenCapture(input)(),
};

// A refusal would be fast, and say nothing.
await succeed(misc.sendMessage(message));
await succeed(misc.setScreenCapture(set));
await succeed(misc.reportScreenCapture(input));
await succeed(misc.getScreenCapture(input));
await succeed(misc.checkUpdate("1.0.0"));

const found: Record<string, { readonly p50: number; readonly p99: number }> = {};
for (const [name, run] of Object.entries(CASES)) {
  const { p50, p99 } = await measure(async () => await run());
  found[name] = { p50, p99 };
}
process.send?.(found);
process.disconnect();
