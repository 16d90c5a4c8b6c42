import { makeRongCloudGateway, type RongCloudOptions } from "../../../adapters/rongcloud/mod.ts";
import { gatewayContract } from "../../contract/message-gateway.ts";
import { type Case, casesOf } from "../cases.ts";
import { startFakeRongCloud } from "../fake-rongcloud.ts";

/** What the fake application is called, and its secret. */
export const KEYS = { appKey: "the-key", appSecret: "the-secret" };

/** Long enough for a machine that does much else, short enough to wait for. */
export const SHORT = { attemptMs: 500, callMs: 900 };

/** How the requests are made, and how to be rid of it. */
export interface Asking {
  readonly options: Pick<RongCloudOptions, "fetch">;
  readonly close: () => Promise<void>;
}

/** The runtime's own fetch. */
export const askRuntime = (): Asking => ({ options: {}, close: async () => {} });

/** The gateway, before a fake RongCloud on a socket, as the subject of its port's contract. */
export const rongCloudCases = (name: string, makeAsking: () => Asking): ReadonlyArray<Case> =>
  casesOf(`rongcloud, asked with ${name}`, gatewayContract, async () => {
    const fake = await startFakeRongCloud(KEYS);
    const asking = makeAsking();
    const gateway = makeRongCloudGateway({
      ...KEYS,
      ...SHORT,
      ...asking.options,
      hosts: [fake.url, fake.url],
    });
    const cloud = {
      take: () => fake.behave("take"),
      refuse: () => fake.behave({ status: 400, code: 1002 }),
      lockOut: () => fake.behave({ status: 401, code: 1006 }),
      takeInSilence: () => fake.behave("take then reset"),
      hang: () => fake.behave("hang"),
      vanish: fake.close,
      taken: () => fake.taken.length,
    };
    const close = async (): Promise<void> => {
      await fake.close();
      await asking.close();
    };
    return { subject: { gateway, cloud }, close };
  });
