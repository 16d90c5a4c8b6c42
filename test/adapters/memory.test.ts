import { makeMemoryStore } from "../../adapters/memory/mod.ts";
import { makeClock } from "../contract/fixtures.ts";
import { outboxContract } from "../contract/outbox.ts";
import { relationshipsContract } from "../contract/relationships.ts";
import { settingsContract } from "../contract/settings-repository.ts";
import { testContract } from "../support/contract.ts";

const close = async (): Promise<void> => {};

testContract("memory settings", settingsContract, async () => ({
  subject: makeMemoryStore(),
  close,
}));

testContract("memory outbox", outboxContract, async () => {
  const clock = makeClock();
  return { subject: { ...makeMemoryStore({ now: clock.now }), clock }, close };
});

testContract("memory relationships", relationshipsContract, async () => ({
  subject: makeMemoryStore().relationships,
  close,
}));
