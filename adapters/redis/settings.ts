import * as E from "fp-ts/lib/Either.js";
import { pipe } from "fp-ts/lib/function.js";
import * as TE from "fp-ts/lib/TaskEither.js";
import { NoticeStatus } from "../../core/domain/screen-capture.ts";
import type { SettingsRepository } from "../../core/ports/settings-repository.ts";
import type { Connection } from "./connection.ts";
import type { Keys } from "./keys.ts";
import type { RedisOutbox } from "./outbox.ts";
import { type Versioned, versioned } from "./values.ts";

/** How a status is kept. */
export const STATUS: Versioned<NoticeStatus> = versioned(NoticeStatus);

/** Statuses by conversation; each set is one script with the outbox's part. */
export const makeSettings = (
  { ask, change }: Connection,
  keys: Keys,
  { store }: RedisOutbox,
): SettingsRepository => ({
  noticeStatus: (conversation) => {
    const { statuses } = keys.partitionOf(conversation);
    return pipe(
      ask((client) => client.hget(statuses, conversation)),
      TE.chainEitherK((found) =>
        found === null ? E.right<never, NoticeStatus>(0) : STATUS.read(statuses, found),
      ),
    );
  },
  setNoticeStatus: (conversation, status, notice) =>
    store(conversation, notice, STATUS.write(status)),
  ready: () =>
    pipe(
      keys.partitions,
      TE.traverseArray(({ probe }) =>
        change({ key: probe, send: (to) => to.set(probe, "written") }),
      ),
      TE.map(() => undefined),
    ),
});
