import type { TaskEither } from "fp-ts/lib/TaskEither.js";
import type { MessageGateway, Outbox, Relationships, SettingsRepository } from "../../core/mod.ts";

/** The ports whose calls are of interest to whoever watches the service. */
export interface Observed {
  readonly settings: SettingsRepository;
  readonly outbox: Outbox;
  readonly relationships: Relationships;
  readonly gateway: MessageGateway;
}

/** Puts something around a call of this name. */
export type Around = (
  operation: string,
) => <Fault, A>(call: TaskEither<Fault, A>) => TaskEither<Fault, A>;

/** What is put around calls to the store, and around those to the gateway. */
export interface Observers {
  readonly store: Around;
  readonly gateway: Around;
}

/** The same ports, each call that a request or the relay makes with something around it. */
export const observed = (
  { settings, outbox, relationships, gateway }: Observed,
  around: Observers,
): Observed => ({
  settings: {
    ...settings,
    noticeStatus: (...asked) => around.store("noticeStatus")(settings.noticeStatus(...asked)),
    setNoticeStatus: (...asked) =>
      around.store("setNoticeStatus")(settings.setNoticeStatus(...asked)),
  },
  outbox: {
    ...outbox,
    add: (...asked) => around.store("add")(outbox.add(...asked)),
    claim: (...asked) => around.store("claim")(outbox.claim(...asked)),
    settle: (...asked) => around.store("settle")(outbox.settle(...asked)),
  },
  relationships: {
    areFriends: (...asked) => around.store("areFriends")(relationships.areFriends(...asked)),
    isMember: (...asked) => around.store("isMember")(relationships.isMember(...asked)),
  },
  gateway: {
    ...gateway,
    send: (message) => around.gateway("send")(gateway.send(message)),
  },
});
