import assert from "node:assert/strict";
import type { GatewayError, MessageGateway, OutboundMessage } from "../../core/mod.ts";
import type { Contract } from "./contract.ts";
import { fail, succeed, wireId } from "./expect.ts";

/** The cloud behind a gateway: what it does from now on, and what it took. */
export interface Cloud {
  /** Takes every message and says so. */
  readonly take: () => void;
  /** Refuses every message for its own sake: it is never taken. */
  readonly refuse: () => void;
  /** Refuses whatever comes, until the operator has acted. */
  readonly lockOut: () => void;
  /** Takes every message and is gone before it has said so. */
  readonly takeInSilence: () => void;
  /** Listens, and never answers. */
  readonly hang: () => void;
  /** Is not to be reached, for good. */
  readonly vanish: () => Promise<void>;
  /** How many messages it took so far, each as often as it was taken. */
  readonly taken: () => number;
}

/** A gateway, and the cloud behind it; that takes messages at first. */
export interface GatewaySubject {
  readonly gateway: MessageGateway;
  readonly cloud: Cloud;
}

const MESSAGE: OutboundMessage = {
  conversationType: "PRIVATE",
  senderId: wireId("a"),
  targetId: wireId("b"),
  objectName: "RC:TxtMsg",
  content: '{"content":"hello"}',
  includeSender: true,
};

const assertUnavailable = (error: GatewayError, delivery: "none" | "unknown"): void => {
  assert.ok(error._tag === "GATEWAY_UNAVAILABLE", `answered ${JSON.stringify(error)}`);
  assert.equal(error.delivery, delivery);
};

const assertRejected = (error: GatewayError, cure: "operator" | "none"): void => {
  assert.ok(error._tag === "GATEWAY_REJECTED", `answered ${JSON.stringify(error)}`);
  assert.equal(error.cure, cure);
};

/**
 * The sentences of {@link MessageGateway}. The example's gateway knows but a cloud that works.
 *
 * @example
 * ```ts
 * import { gatewayContract } from "sealtalk-misc/contract";
 * import { makeMemoryGateway } from "sealtalk-misc/memory";
 *
 * for (const { run } of gatewayContract.filter(({ title }) => title.includes("has taken"))) {
 *   const { gateway, taken, refuseWith } = makeMemoryGateway();
 *   const rejected = { _tag: "GATEWAY_REJECTED", gatewayCode: 1004, cure: "operator" } as const;
 *   const away = { _tag: "GATEWAY_UNAVAILABLE", delivery: "none", cause: "away" } as const;
 *   await run({
 *     gateway,
 *     cloud: {
 *       take: () => refuseWith(undefined),
 *       refuse: () => refuseWith({ ...rejected, cure: "none" }),
 *       lockOut: () => refuseWith(rejected),
 *       takeInSilence: () => refuseWith({ ...away, delivery: "unknown" }),
 *       hang: () => refuseWith({ ...away, delivery: "unknown" }),
 *       vanish: async () => refuseWith(away),
 *       taken: () => taken.length,
 *     },
 *   });
 * }
 * ```
 */
export const gatewayContract: Contract<GatewaySubject> = [
  {
    title: "send() succeeds when the cloud has taken the message",
    run: async ({ gateway, cloud }) => {
      await succeed(gateway.send(MESSAGE));
      assert.equal(cloud.taken(), 1);
    },
  },
  {
    title: "send() sends a message once for each time that it is run, and none before",
    run: async ({ gateway, cloud }) => {
      const sending = gateway.send(MESSAGE);
      assert.equal(cloud.taken(), 0);
      await succeed(sending);
      await succeed(sending);
      assert.equal(cloud.taken(), 2);
    },
  },
  {
    title: "send() answers GATEWAY_REJECTED for a message that the cloud refuses",
    run: async ({ gateway, cloud }) => {
      cloud.refuse();
      assertRejected(await fail(gateway.send(MESSAGE)), "none");
      assert.equal(cloud.taken(), 0);
    },
  },
  {
    title: "send() tells a refusal that the operator can cure from one that nothing can",
    run: async ({ gateway, cloud }) => {
      cloud.lockOut();
      assertRejected(await fail(gateway.send(MESSAGE)), "operator");
      assert.equal(cloud.taken(), 0);
    },
  },
  {
    title: "send() answers GATEWAY_UNAVAILABLE and none when the cloud cannot have the message",
    run: async ({ gateway, cloud }) => {
      await cloud.vanish();
      assertUnavailable(await fail(gateway.send(MESSAGE)), "none");
      assert.equal(cloud.taken(), 0);
    },
  },
  {
    title: "send() answers GATEWAY_UNAVAILABLE and unknown when the cloud never answers",
    run: async ({ gateway, cloud }) => {
      cloud.hang();
      assertUnavailable(await fail(gateway.send(MESSAGE)), "unknown");
    },
  },
  {
    title: "send() delivers at most once, even if the cloud does not say that it did",
    run: async ({ gateway, cloud }) => {
      cloud.takeInSilence();
      assertUnavailable(await fail(gateway.send(MESSAGE)), "unknown");
      assert.equal(cloud.taken(), 1);
    },
  },
  {
    title: "pause() asks for none while the cloud takes messages",
    run: async ({ gateway }) => {
      for (const type of ["PRIVATE", "GROUP"] as const) {
        assert.equal(gateway.pause(type)(), 0);
      }
      await succeed(gateway.send(MESSAGE));
      assert.equal(gateway.pause("PRIVATE")(), 0);
    },
  },
  {
    title: "ready() succeeds while nothing was heard of the cloud",
    run: async ({ gateway, cloud }) => {
      await succeed(gateway.ready());
      assert.equal(cloud.taken(), 0);
    },
  },
  {
    title: "ready() fails as the last message did when the cloud is away",
    run: async ({ gateway, cloud }) => {
      await cloud.vanish();
      const error = await fail(gateway.send(MESSAGE));
      assert.deepEqual(await fail(gateway.ready()), error);
    },
  },
  {
    title: "ready() fails as the last message did when the cloud takes none of ours",
    run: async ({ gateway, cloud }) => {
      cloud.lockOut();
      const error = await fail(gateway.send(MESSAGE));
      assert.deepEqual(await fail(gateway.ready()), error);
    },
  },
  {
    title: "ready() succeeds again when the cloud has taken a message",
    run: async ({ gateway, cloud }) => {
      cloud.lockOut();
      await fail(gateway.send(MESSAGE));
      cloud.take();
      await succeed(gateway.send(MESSAGE));
      await succeed(gateway.ready());
    },
  },
  {
    title: "ready() succeeds when the cloud refused a message for its own sake",
    run: async ({ gateway, cloud }) => {
      cloud.refuse();
      await fail(gateway.send(MESSAGE));
      await succeed(gateway.ready());
    },
  },
];
