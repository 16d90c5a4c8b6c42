import { mkdir } from "node:fs/promises";
import { join as joinPath } from "node:path";
import { setTimeout } from "node:timers/promises";
import * as E from "fp-ts/lib/Either.js";
import { pipe } from "fp-ts/lib/function.js";
import * as TE from "fp-ts/lib/TaskEither.js";
import { type Outbox, type StoreUnavailable, storeUnavailable } from "../../core/mod.ts";
import type { Backend, LmdbStore } from "./backend.ts";
import { isUnserved, joinChannel, serveChannel } from "./channel.ts";
import { makeListeners } from "./listeners.ts";
import { openOwned } from "./owned.ts";
import { type MeetingPlaces, meetingPlacesOf, type Release, tryToOwn } from "./ownership.ts";
import { type Channel, hello, makeJoined } from "./protocol.ts";
import { reasonOf } from "./reason.ts";

/** Where an embedded store lives, and what it goes by. */
export interface LmdbStoreOptions {
  /** A folder on a local disk; it is made if need be. */
  readonly dir: string;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
  /** How long a call may take, in milliseconds, before its caller is told that it is unknown. */
  readonly deadlineMs?: number;
}

type Settled = Required<LmdbStoreOptions>;

const RETRY_MS = 10;

// The kernel's limit for the path of a socket is 104 bytes on macOS and 108 on Linux.
const LONGEST_CHANNEL = 103;

/**
 * Opens the embedded store: a write is acknowledged once it is committed and flushed to the disk.
 *
 * Any number of processes of one machine may open the same folder. One of them owns the file and
 * works for the others; when it ends, however it ends, the next call makes another one the owner.
 * LMDB itself is never opened twice: an opening process can undo what another commits meanwhile.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { mkdtemp } from "node:fs/promises";
 * import { isRight } from "fp-ts/lib/Either.js";
 * import { openLmdbStore } from "sealtalk-misc/lmdb";
 *
 * const store = await openLmdbStore({ dir: await mkdtemp("/tmp/misc-") })();
 * assert.ok(isRight(store));
 * await store.right.close();
 * ```
 */
export const openLmdbStore = ({
  dir,
  now = Date.now,
  deadlineMs = 3_000,
}: LmdbStoreOptions): TE.TaskEither<StoreUnavailable, LmdbStore> =>
  pipe(
    TE.tryCatch(
      () => mkdir(dir, { recursive: true, mode: 0o700 }),
      () => storeUnavailable(`the folder ${dir} cannot be made`),
    ),
    TE.map(() => makeSwitch(attach({ dir, now, deadlineMs }))),
    TE.chainFirst(({ backend }) => backend()),
    TE.map(makeStore),
  );

/** The backend of the moment: attached when it is first needed, and anew when it was lost. */
interface Switch {
  readonly backend: () => TE.TaskEither<StoreUnavailable, Backend>;
  readonly subscribe: Outbox["subscribe"];
  readonly close: () => Promise<void>;
}

const makeSwitch = (attachment: TE.TaskEither<StoreUnavailable, Backend>): Switch => {
  const { subscribe, announce } = makeListeners();
  let attached: Promise<E.Either<StoreUnavailable, Backend>> | undefined;
  let closed = false;

  const attachNow = async (): Promise<E.Either<StoreUnavailable, Backend>> => {
    const outcome = await attachment();
    if (E.isLeft(outcome)) {
      attached = undefined;
      return outcome;
    }
    await outcome.right.outbox.subscribe(announce)();
    outcome.right.lost.then(() => {
      attached = undefined;
    });
    return outcome;
  };

  return {
    backend: () => async () => {
      if (closed) {
        return E.left(storeUnavailable("the store is closed"));
      }
      attached ??= attachNow();
      return attached;
    },
    subscribe,
    close: async () => {
      closed = true;
      const outcome = await attached;
      if (outcome !== undefined && E.isRight(outcome)) {
        await outcome.right.close();
      }
    },
  };
};

const makeStore = ({ backend, subscribe, close }: Switch): LmdbStore => {
  const by =
    <Args extends ReadonlyArray<unknown>, Fault, A>(
      choose: (from: Backend) => (...args: Args) => TE.TaskEither<Fault, A>,
    ): ((...args: Args) => TE.TaskEither<Fault | StoreUnavailable, A>) =>
    (...args) => {
      const asking: TE.TaskEither<Fault | StoreUnavailable, A> = async () => {
        const from = await backend()();
        return E.isLeft(from) ? from : choose(from.right)(...args)();
      };
      return async () => {
        const answer = await asking();
        return E.isLeft(answer) && isUnserved(answer.left) ? afterwards(asking)() : answer;
      };
    };
  return {
    settings: {
      noticeStatus: by(({ settings }) => settings.noticeStatus),
      setNoticeStatus: by(({ settings }) => settings.setNoticeStatus),
      importStatuses: by(({ settings }) => settings.importStatuses),
      ready: by(({ settings }) => settings.ready),
    },
    outbox: {
      add: by(({ outbox }) => outbox.add),
      claim: by(({ outbox }) => outbox.claim),
      settle: by(({ outbox }) => outbox.settle),
      deadLetters: by(({ outbox }) => outbox.deadLetters),
      status: by(({ outbox }) => outbox.status),
      retry: by(({ outbox }) => outbox.retry),
      revive: by(({ outbox }) => outbox.revive),
      subscribe,
    },
    relationships: {
      areFriends: by(({ relationships }) => relationships.areFriends),
      isMember: by(({ relationships }) => relationships.isMember),
      addFriends: by(({ relationships }) => relationships.addFriends),
      removeFriends: by(({ relationships }) => relationships.removeFriends),
      friendsOf: by(({ relationships }) => relationships.friendsOf),
      addMembers: by(({ relationships }) => relationships.addMembers),
      removeMembers: by(({ relationships }) => relationships.removeMembers),
      membersOf: by(({ relationships }) => relationships.membersOf),
    },
    close,
  };
};

/** Once the owner that ended is known to be gone. */
const afterwards = <Fault, A>(task: TE.TaskEither<Fault, A>): typeof task =>
  pipe(
    TE.fromTask(() => setTimeout(RETRY_MS)),
    TE.chain(() => task),
  );

/** Joins who owns the store, or owns it; in between, while an owner starts or ends, tries again. */
const attach = (options: Settled): TE.TaskEither<StoreUnavailable, Backend> =>
  pipe(
    TE.tryCatch(
      () => meet(options),
      (fault) => storeUnavailable(`the folder ${options.dir}: ${reasonOf(fault)}`),
    ),
    TE.flatten,
  );

const meet = async (options: Settled): Promise<TE.TaskEither<StoreUnavailable, Backend>> => {
  const places = await meetingPlacesOf(options.dir);
  if (Buffer.byteLength(places.channel) > LONGEST_CHANNEL) {
    return TE.left(
      storeUnavailable(`the path ${places.channel} has more than ${LONGEST_CHANNEL} bytes`),
    );
  }
  const ends = performance.now() + options.deadlineMs;
  while (performance.now() < ends) {
    const channel = await joinChannel(places.channel, options.deadlineMs);
    if (channel !== undefined) {
      let lost = false;
      channel.lost.then(() => {
        lost = true;
      });
      const joined = await join(channel)();
      // An owner that ended before it had answered is no owner: another one is, or this process.
      if (E.isRight(joined) || !lost) {
        return TE.fromEither(joined);
      }
    } else {
      const release = await tryToOwn(places);
      if (release !== undefined) {
        return own(options, places, release);
      }
    }
    await setTimeout(RETRY_MS);
  }
  return TE.left(storeUnavailable("another process owns the store and does not answer"));
};

const join = (channel: Channel): TE.TaskEither<StoreUnavailable, Backend> =>
  pipe(
    hello(channel),
    TE.orElseFirstTaskK(() => channel.close),
    TE.map(() => makeJoined(channel)),
  );

const own = (
  { dir, now, deadlineMs }: Settled,
  { channel: path }: MeetingPlaces,
  release: Release,
): TE.TaskEither<StoreUnavailable, Backend> =>
  pipe(
    openOwned(joinPath(dir, "store.mdb"), now, deadlineMs),
    TE.chain((backend) =>
      pipe(
        TE.tryCatch(
          () => serveChannel(path, backend),
          () => storeUnavailable(`nothing can listen at ${path}`),
        ),
        TE.map((channel) => ({
          ...backend,
          close: async () => {
            await channel.close();
            await backend.close();
            await release();
          },
        })),
        TE.orElseFirstTaskK(() => backend.close),
      ),
    ),
    TE.orElseFirstTaskK(() => release),
  );
