import * as E from "fp-ts/lib/Either.js";
import type { TaskEither } from "fp-ts/lib/TaskEither.js";
import type { Outbox, Relationships, SettingsRepository } from "../../core/mod.ts";

/** The ports whose calls are timed: those of a store. */
export interface Timed {
  readonly settings: SettingsRepository;
  readonly outbox: Outbox;
  readonly relationships: Relationships;
}

/** Hears of each call when it is answered. */
export type OnStored = (call: {
  readonly operation: string;
  readonly failed: boolean;
  readonly durationMs: number;
}) => void;

/** The same ports, with each call of a request or of the relay timed by its name. */
export const timed = (
  { settings, outbox, relationships }: Timed,
  onStored: OnStored,
  now: () => number = () => performance.now(),
): Timed => {
  const time =
    (operation: string) =>
    <Fault, A>(task: TaskEither<Fault, A>): TaskEither<Fault, A> =>
    async () => {
      const since = now();
      const answer = await task();
      onStored({ operation, failed: E.isLeft(answer), durationMs: now() - since });
      return answer;
    };
  return {
    settings: {
      ...settings,
      noticeStatus: (...asked) => time("noticeStatus")(settings.noticeStatus(...asked)),
      setNoticeStatus: (...asked) => time("setNoticeStatus")(settings.setNoticeStatus(...asked)),
    },
    outbox: {
      ...outbox,
      add: (...asked) => time("add")(outbox.add(...asked)),
      claim: (...asked) => time("claim")(outbox.claim(...asked)),
      settle: (...asked) => time("settle")(outbox.settle(...asked)),
    },
    relationships: {
      areFriends: (...asked) => time("areFriends")(relationships.areFriends(...asked)),
      isMember: (...asked) => time("isMember")(relationships.isMember(...asked)),
    },
  };
};
