import * as O from "fp-ts/lib/Option.js";
import type { TaskEither } from "fp-ts/lib/TaskEither.js";
import type { MessageGateway, Outbox, Relationships, SettingsRepository } from "../../core/mod.ts";
import type { Metrics } from "../metrics/mod.ts";
import type { Tracing } from "../tracing/mod.ts";

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

/** What the calls of a deployment go through. */
export const observersOf = ({ stored }: Metrics, tracing: O.Option<Tracing>): Observers =>
  O.isNone(tracing)
    ? { store: stored, gateway: () => (call) => call }
    : {
        store: (operation) => (call) =>
          stored(operation)(tracing.value.call(`store ${operation}`)(call)),
        // A notice that the relay delivers belongs to no request that is under way.
        gateway: (operation) => tracing.value.call(`gateway ${operation}`, { alone: true }),
      };

/** The same ports, each call that a request or the relay makes with something around it. */
export const observed = (
  { settings, outbox, relationships, gateway }: Observed,
  around: Observers,
): Observed => ({
  settings: {
    ...settings,
    noticeStatus: surrounded(around.store("noticeStatus"), settings.noticeStatus),
    setNoticeStatus: surrounded(around.store("setNoticeStatus"), settings.setNoticeStatus),
  },
  outbox: {
    ...outbox,
    add: surrounded(around.store("add"), outbox.add),
    claim: surrounded(around.store("claim"), outbox.claim),
    settle: surrounded(around.store("settle"), outbox.settle),
  },
  relationships: {
    areFriends: surrounded(around.store("areFriends"), relationships.areFriends),
    isMember: surrounded(around.store("isMember"), relationships.isMember),
  },
  gateway: {
    ...gateway,
    send: surrounded(around.gateway("send"), gateway.send),
  },
});

const surrounded =
  <Asked extends ReadonlyArray<unknown>, Fault, A>(
    around: ReturnType<Around>,
    call: (...asked: Asked) => TaskEither<Fault, A>,
  ) =>
  (...asked: Asked): TaskEither<Fault, A> =>
    around(call(...asked));
