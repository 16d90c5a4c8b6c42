import * as TE from "fp-ts/lib/TaskEither.js";
import {
  type MemoryGateway,
  type MemoryGroups,
  type MemoryStore,
  type MemoryVersions,
  makeMemoryGateway,
  makeMemoryGroups,
  makeMemoryIds,
  makeMemoryStore,
  makeMemoryVersions,
} from "../../adapters/memory/mod.ts";
import { makeSessions, type Sessions, signSession } from "../../adapters/session/mod.ts";
import { createMisc, type Misc, storeUnavailable } from "../../core/mod.ts";
import { id, succeed } from "./expect.ts";
import { legacyCookie, md5 } from "./legacy-cookie.ts";

/** A deployment in memory: users 1 and 2 are friends, 1 and 2 are in group 7, 3 knows nobody. */
export interface World {
  readonly misc: Misc;
  readonly sessions: Sessions;
  readonly store: MemoryStore;
  readonly versions: MemoryVersions;
  readonly gateway: MemoryGateway;
  readonly groups: MemoryGroups;
  /** From now on the store answers nothing, or answers again. */
  readonly setStoreDown: (down: boolean) => void;
  /** A session token of this user, one hour long unless it says otherwise. */
  readonly tokenFor: (user: string, expiresInSeconds?: number) => Promise<string>;
  /** The session cookie that an existing deployment gave this user, now unless it says otherwise. */
  readonly legacyCookieFor: (user: string, ageInDays?: number) => string;
}

/** The name of the session cookie in a {@link World}. */
export const COOKIE = "sealtalk_session";

/** The name of an existing deployment's session cookie in a {@link World}. */
export const LEGACY_COOKIE = "rong_auth_cookie";

const LEGACY_PASSWORD = "cookiekey";
const DAY_MS = 86_400_000;

/**
 * Makes a {@link World}.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { makeWorld } from "sealtalk-misc/contract";
 *
 * const { misc } = await makeWorld();
 * assert.equal((await misc.checkUpdate("1.0.0")())._tag, "Right");
 * ```
 */
export const makeWorld = async (): Promise<World> => {
  const secret = crypto.getRandomValues(new Uint8Array(32));
  const store = makeMemoryStore();
  const versions = makeMemoryVersions();
  const gateway = makeMemoryGateway();
  const groups = makeMemoryGroups();
  let down = false;
  const unlessDown = <A>(
    task: TE.TaskEither<ReturnType<typeof storeUnavailable>, A>,
  ): typeof task =>
    TE.flatten(TE.fromIO(() => (down ? TE.left(storeUnavailable("SECRET CAUSE")) : task)));

  await succeed(store.relationships.addFriends([[id("1"), id("2")]]));
  await succeed(store.relationships.addMembers(id("7"), [id("1"), id("2")]));
  return {
    misc: createMisc({
      ids: makeMemoryIds(),
      versions: versions.versions,
      gateway: gateway.gateway,
      relationships: store.relationships,
      groups: { profilesOf: (asked) => unlessDown(groups.groups.profilesOf(asked)) },
      settings: {
        noticeStatus: (key) => unlessDown(store.settings.noticeStatus(key)),
        setNoticeStatus: (key, status, notice) =>
          unlessDown(store.settings.setNoticeStatus(key, status, notice)),
        ready: () => unlessDown(store.settings.ready()),
      },
      outbox: {
        ...store.outbox,
        add: (key, notice) => unlessDown(store.outbox.add(key, notice)),
      },
      now: Date.now,
      random: Math.random,
    }),
    sessions: makeSessions({
      secret,
      cookie: COOKIE,
      legacyCookie: {
        name: LEGACY_COOKIE,
        password: LEGACY_PASSWORD,
        maxAgeMs: 30 * DAY_MS,
        md5,
      },
    }),
    store,
    versions,
    gateway,
    groups,
    setStoreDown: (next) => {
      down = next;
    },
    tokenFor: (user, expiresInSeconds = 3_600) =>
      signSession({
        secret,
        user: id(user),
        expiresAt: Date.now() + expiresInSeconds * 1_000,
      })(),
    legacyCookieFor: (user, ageInDays = 0) =>
      legacyCookie(LEGACY_PASSWORD, user, Date.now() - ageInDays * DAY_MS),
  };
};
