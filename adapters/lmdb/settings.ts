import * as E from "fp-ts/lib/Either.js";
import { pipe } from "fp-ts/lib/function.js";
import * as O from "fp-ts/lib/Option.js";
import * as TE from "fp-ts/lib/TaskEither.js";
import * as t from "io-ts";
import { type ConversationKey, type ImportableSettings, NoticeStatus } from "../../core/mod.ts";
import type { Environment } from "./environment.ts";
import type { LmdbOutbox } from "./outbox.ts";

/** The key of a conversation's imported status, beside the one of what was set here. */
const imported = (conversation: ConversationKey): string => `imported:${conversation}`;

/** Statuses by conversation; each set is one transaction with the outbox's part. */
export const makeSettings = (
  { table, read, write, writeEach }: Environment,
  { enqueue, announce }: LmdbOutbox,
): ImportableSettings => {
  const statuses = table("statuses", NoticeStatus);
  const probes = table("probes", t.literal("written"));
  return {
    noticeStatus: (conversation) =>
      read(() => {
        const set = statuses.get(conversation);
        const found =
          E.isRight(set) && O.isNone(set.right) ? statuses.get(imported(conversation)) : set;
        return E.map(O.getOrElse((): NoticeStatus => 0))(found);
      }),
    setNoticeStatus: (conversation, status, notice) =>
      pipe(
        write(() =>
          pipe(
            enqueue(conversation, notice),
            E.map(() => statuses.put(conversation, status)),
          ),
        ),
        TE.chainFirstIOK(() => announce),
      ),
    importStatuses: (some) =>
      writeEach(some, ([conversation, status]) => statuses.put(imported(conversation), status)),
    ready: () => write(() => E.right(probes.put("ready", "written"))),
  };
};
