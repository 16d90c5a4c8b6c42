import type { RedisStore } from "../../../adapters/redis/mod.ts";
import { makeClock } from "../../contract/fixtures.ts";
import { outboxContract } from "../../contract/outbox.ts";
import { directoryContract } from "../../contract/relationships.ts";
import { importableSettingsContract } from "../../contract/settings-repository.ts";
import { transferContract } from "../../contract/store-transfer.ts";
import { type Case, casesOf } from "../cases.ts";

/** A store on Redis as the subject of each contract of its ports; `open` gives a new one each time. */
export const redisCases = (
  name: string,
  open: (now?: () => number) => Promise<RedisStore>,
): ReadonlyArray<Case> => [
  ...casesOf(`${name} settings`, importableSettingsContract, async () => {
    const store = await open();
    return { subject: store, close: store.close };
  }),
  ...casesOf(`${name} outbox`, outboxContract, async () => {
    const clock = makeClock();
    const { outbox, close } = await open(clock.now);
    return { subject: { outbox, clock }, close };
  }),
  ...casesOf(`${name} relationships`, directoryContract, async () => {
    const { relationships, close } = await open();
    return { subject: relationships, close };
  }),
  ...casesOf(`${name} transfer`, transferContract, async () => {
    const clock = makeClock();
    const [from, to] = await Promise.all([open(clock.now), open(clock.now)]);
    return {
      subject: { from, to, clock },
      close: async () => {
        await Promise.all([from.close(), to.close()]);
      },
    };
  }),
];
