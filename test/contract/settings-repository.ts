import assert from "node:assert/strict";
import type { ImportableSettings, Outbox, SettingsRepository } from "../../core/mod.ts";
import type { Contract } from "./contract.ts";
import { succeed } from "./expect.ts";
import { drain, noticeFrom, senders } from "./fixtures.ts";

/** A settings repository and the outbox of the same store. */
export interface SettingsSubject {
  readonly settings: SettingsRepository;
  readonly outbox: Outbox;
}

/**
 * The sentences of {@link SettingsRepository}.
 *
 * @example
 * ```ts
 * import { settingsContract } from "sealtalk-misc/contract";
 * import { makeMemoryStore } from "sealtalk-misc/memory";
 *
 * for (const { run } of settingsContract) {
 *   await run(makeMemoryStore());
 * }
 * ```
 */
export const settingsContract: Contract<SettingsSubject> = [
  {
    title: "noticeStatus() is 0 for a conversation that was never set",
    run: async ({ settings }) => {
      assert.equal(await succeed(settings.noticeStatus("group:never")), 0);
    },
  },
  {
    title: "noticeStatus() is the last status that was set",
    run: async ({ settings }) => {
      for (const status of [1, 0, 1] as const) {
        await succeed(settings.setNoticeStatus("group:1", status, noticeFrom("a")));
        assert.equal(await succeed(settings.noticeStatus("group:1")), status);
      }
    },
  },
  {
    title: "setNoticeStatus() changes its own conversation alone",
    run: async ({ settings }) => {
      await succeed(settings.setNoticeStatus("private:1:2", 1, noticeFrom("a")));
      for (const other of ["private:1:22", "private:11:2", "group:1", "group:2"]) {
        assert.equal(await succeed(settings.noticeStatus(other)), 0);
      }
    },
  },
  {
    title: "setNoticeStatus() appends its notice to the outbox, also when the status stays",
    run: async ({ settings, outbox }) => {
      await succeed(settings.setNoticeStatus("group:1", 1, noticeFrom("a")));
      await succeed(outbox.add("group:1", noticeFrom("b")));
      await succeed(settings.setNoticeStatus("group:1", 1, noticeFrom("c")));
      assert.deepEqual(senders(await drain(outbox)), ["a", "b", "c"]);
    },
  },
  {
    title: "setNoticeStatus() keeps one status and every notice of sets that run together",
    run: async ({ settings, outbox }) => {
      const names = Array.from({ length: 20 }, (_, index) => `user${index}`);
      await Promise.all(
        names.map((name, index) =>
          succeed(settings.setNoticeStatus("group:1", index % 2 === 0 ? 0 : 1, noticeFrom(name))),
        ),
      );
      const kept = senders(await drain(outbox));
      assert.deepEqual([...kept].sort(), [...names].sort());
      const last = names.indexOf(kept.at(-1) ?? "");
      assert.equal(await succeed(settings.noticeStatus("group:1")), last % 2);
    },
  },
  {
    title: "ready() succeeds while the store works",
    run: async ({ settings }) => {
      assert.equal(await succeed(settings.ready()), undefined);
    },
  },
];

/** A repository that takes statuses over, and the outbox of the same store. */
export interface ImportSubject extends SettingsSubject {
  readonly settings: ImportableSettings;
}

/**
 * The sentences of {@link ImportableSettings}, and those that it takes over.
 *
 * @example
 * ```ts
 * import { importableSettingsContract } from "sealtalk-misc/contract";
 * import { makeMemoryStore } from "sealtalk-misc/memory";
 *
 * for (const { run } of importableSettingsContract) {
 *   await run(makeMemoryStore());
 * }
 * ```
 */
export const importableSettingsContract: Contract<ImportSubject> = [
  ...settingsContract,
  {
    title: "importStatuses() gives conversations that were never set a status",
    run: async ({ settings }) => {
      const some = Array.from({ length: 1_000 }, (_, index) => `private:1:${index}`);
      await succeed(
        settings.importStatuses(some.map((key, index) => [key, index % 3 === 0 ? 1 : 0])),
      );
      for (const index of [0, 1, 2, 997, 998, 999]) {
        assert.equal(
          await succeed(settings.noticeStatus(`private:1:${index}`)),
          index % 3 === 0 ? 1 : 0,
        );
      }
      assert.equal(await succeed(settings.noticeStatus("group:1")), 0);
    },
  },
  {
    title: "importStatuses() leaves what was set here, before it and since",
    run: async ({ settings }) => {
      await succeed(settings.setNoticeStatus("group:1", 0, noticeFrom("a")));
      await succeed(
        settings.importStatuses([
          ["group:1", 1],
          ["group:2", 1],
        ]),
      );
      assert.equal(await succeed(settings.noticeStatus("group:1")), 0);
      assert.equal(await succeed(settings.noticeStatus("group:2")), 1);
      await succeed(settings.setNoticeStatus("group:2", 0, noticeFrom("b")));
      await succeed(settings.importStatuses([["group:2", 1]]));
      assert.equal(await succeed(settings.noticeStatus("group:2")), 0);
    },
  },
  {
    title: "importStatuses() overwrites what was imported, also within one call",
    run: async ({ settings }) => {
      await succeed(settings.importStatuses([["group:1", 1]]));
      await succeed(settings.importStatuses([["group:1", 0]]));
      assert.equal(await succeed(settings.noticeStatus("group:1")), 0);
      await succeed(
        settings.importStatuses([
          ["group:1", 0],
          ["group:1", 1],
        ]),
      );
      assert.equal(await succeed(settings.noticeStatus("group:1")), 1);
    },
  },
  {
    title: "importStatuses() makes no notice",
    run: async ({ settings, outbox }) => {
      await succeed(settings.importStatuses([["group:1", 1]]));
      assert.deepEqual(await drain(outbox), []);
    },
  },
  {
    title: "importStatuses() of nothing changes nothing",
    run: async ({ settings }) => {
      await succeed(settings.importStatuses([]));
      assert.equal(await succeed(settings.noticeStatus("group:1")), 0);
    },
  },
];
