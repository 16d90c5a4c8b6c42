import { makeRongCloudGateway } from "../../adapters/rongcloud/mod.ts";
import { gatewayContract } from "../contract/message-gateway.ts";
import { testContract } from "../support/contract.ts";
import { startFakeRongCloud } from "../support/fake-rongcloud.ts";

const KEYS = { appKey: "the-key", appSecret: "the-secret" };

// Long enough for a machine that does much else, short enough to wait for.
const SHORT = { attemptMs: 500, callMs: 900 };

testContract("rongcloud", gatewayContract, async () => {
  const fake = await startFakeRongCloud(KEYS);
  const gateway = makeRongCloudGateway({ ...KEYS, ...SHORT, hosts: [fake.url, fake.url] });
  const cloud = {
    take: () => fake.behave("take"),
    refuse: () => fake.behave({ status: 400, code: 1002 }),
    lockOut: () => fake.behave({ status: 401, code: 1006 }),
    takeInSilence: () => fake.behave("take then reset"),
    hang: () => fake.behave("hang"),
    vanish: fake.close,
    taken: () => fake.taken.length,
  };
  return { subject: { gateway, cloud }, close: fake.close };
});
