import * as E from "fp-ts/lib/Either.js";
import { pipe } from "fp-ts/lib/function.js";
import * as O from "fp-ts/lib/Option.js";
import * as TE from "fp-ts/lib/TaskEither.js";
import * as t from "io-ts";
import { NoticeStatus } from "../../core/domain/screen-capture.ts";
import type { SettingsRepository } from "../../core/ports/settings-repository.ts";
import type { Environment } from "./environment.ts";
import type { LmdbOutbox } from "./outbox.ts";

/** Statuses by conversation; each set is one transaction with the outbox's part. */
export const makeSettings = (
  { table, read, write }: Environment,
  { enqueue, announce }: LmdbOutbox,
): SettingsRepository => {
  const statuses = table("statuses", NoticeStatus);
  const probes = table("probes", t.literal("written"));
  return {
    noticeStatus: (conversation) =>
      read(() => pipe(statuses.get(conversation), E.map(O.getOrElse((): NoticeStatus => 0)))),
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
    ready: () => write(() => E.right(probes.put("ready", "written"))),
  };
};
