import * as E from "fp-ts/lib/Either.js";
import { pipe } from "fp-ts/lib/function.js";
import * as NEA from "fp-ts/lib/NonEmptyArray.js";
import * as RR from "fp-ts/lib/ReadonlyRecord.js";
import * as TE from "fp-ts/lib/TaskEither.js";
import { type ConversationKey, type ImportableSettings, NoticeStatus } from "../../core/mod.ts";
import type { Connection } from "./connection.ts";
import type { Keys } from "./keys.ts";
import type { RedisOutbox } from "./outbox.ts";
import { type Versioned, versioned } from "./values.ts";

/** How a status is kept. */
export const STATUS: Versioned<NoticeStatus> = versioned(NoticeStatus);

type Imported = readonly [ConversationKey, NoticeStatus];

/** What the field of a conversation's imported status begins with; one that was set here is its name. */
export const IMPORTED = "imported:";

const imported = (conversation: ConversationKey): string => `${IMPORTED}${conversation}`;

/** Statuses by conversation; each set is one script with the outbox's part. */
export const makeSettings = (
  { ask, change }: Connection,
  keys: Keys,
  { store }: RedisOutbox,
): ImportableSettings => ({
  noticeStatus: (conversation) => {
    const { statuses } = keys.partitionOf(conversation);
    return pipe(
      ask((client) => client.hmget(statuses, conversation, imported(conversation))),
      TE.chainEitherK(([here, before]) => {
        const found = here ?? before ?? null;
        return found === null ? E.right<never, NoticeStatus>(0) : STATUS.read(statuses, found);
      }),
    );
  },
  setNoticeStatus: (conversation, status, notice) =>
    store(conversation, notice, STATUS.write(status)),
  importStatuses: (some) =>
    pipe(
      NEA.groupBy(([conversation]: Imported) => keys.partitionOf(conversation).statuses)([...some]),
      RR.toEntries,
      TE.traverseArray(([key, part]) =>
        change({
          key,
          send: (to) =>
            to.hset(
              key,
              part.flatMap(([conversation, status]) => [
                imported(conversation),
                STATUS.write(status),
              ]),
            ),
        }),
      ),
      TE.map(() => undefined),
    ),
  ready: () =>
    pipe(
      keys.partitions,
      TE.traverseArray(({ probe }) =>
        change({ key: probe, send: (to) => to.set(probe, "written") }),
      ),
      TE.map(() => undefined),
    ),
});
