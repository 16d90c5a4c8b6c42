import {
  makeMemoryGroups,
  makeMemoryIds,
  makeMemoryStore,
  makeMemoryVersions,
  sampleRecords,
} from "../../../adapters/memory/mod.ts";
import { id, succeed } from "../../contract/expect.ts";
import { makeClock } from "../../contract/fixtures.ts";
import { groupProfilesContract } from "../../contract/group-profiles.ts";
import { idCodecContract } from "../../contract/id-codec.ts";
import { outboxContract } from "../../contract/outbox.ts";
import { directoryContract } from "../../contract/relationships.ts";
import { importableSettingsContract } from "../../contract/settings-repository.ts";
import { transferContract } from "../../contract/store-transfer.ts";
import { versionSourceContract } from "../../contract/version-source.ts";
import { type Case, casesOf } from "../cases.ts";

const close = async (): Promise<void> => {};

/** The memory adapter as the subject of each contract of its ports. */
export const memoryCases: ReadonlyArray<Case> = [
  ...casesOf("memory settings", importableSettingsContract, async () => ({
    subject: makeMemoryStore(),
    close,
  })),
  ...casesOf("memory outbox", outboxContract, async () => {
    const clock = makeClock();
    return { subject: { ...makeMemoryStore({ now: clock.now }), clock }, close };
  }),
  ...casesOf("memory relationships", directoryContract, async () => ({
    subject: makeMemoryStore().relationships,
    close,
  })),
  ...casesOf("memory transfer", transferContract, async () => {
    const clock = makeClock();
    const [from, to] = [makeMemoryStore({ now: clock.now }), makeMemoryStore({ now: clock.now })];
    return { subject: { from, to, clock }, close };
  }),
  ...casesOf("memory groups", groupProfilesContract, async () => {
    const { groups, put } = makeMemoryGroups();
    return { subject: { groups, put: async (group, profile) => put(id(group), profile) }, close };
  }),
  ...casesOf("memory ids", idCodecContract, async () => ({
    subject: {
      codec: makeMemoryIds(),
      ids: ["1", "2", "alice", "A_-", "x".repeat(62)].map(id),
      strangers: ["1", "w", "alice"],
    },
    close,
  })),
  ...casesOf("memory versions", versionSourceContract, async () => {
    const { versions, replace } = makeMemoryVersions();
    const second = makeMemoryVersions({
      desktop: { ...Object(sampleRecords.desktop), version: "1.0.3" },
      mobile: { ...Object(sampleRecords.mobile), HarmonyOS: {} },
      demoSquare: [{ type: "group", id: "7" }],
    });
    return {
      subject: {
        source: versions,
        first: await succeed(versions.current()),
        second: await succeed(second.versions.current()),
        publish: async (releases) => replace(releases),
        spoil: async () => replace({ desktop: null, mobile: null }),
        withoutAny: () => makeMemoryVersions({ desktop: null, mobile: null }).versions.current()(),
      },
      close,
    };
  }),
];
