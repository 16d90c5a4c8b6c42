import * as E from "fp-ts/lib/Either.js";
import * as TE from "fp-ts/lib/TaskEither.js";
import { makeCommits } from "../../adapters/lmdb/commits.ts";
import { type StoreUnavailable, storeUnavailable } from "../../core/domain/errors.ts";
import { fail, succeed } from "../contract/expect.ts";
import { test } from "../support/test.ts";

const OK: TE.TaskEither<StoreUnavailable, void> = TE.right(undefined);

/** A disk whose flushes take until they are told how they end. */
const makeSlowDisk = () => {
  const flushes: Array<(outcome: TE.TaskEither<StoreUnavailable, void>) => void> = [];
  return {
    commit:
      (actions: () => void): TE.TaskEither<StoreUnavailable, void> =>
      async () => {
        actions();
        const outcome = await new Promise<typeof OK>((resolve) => flushes.push(resolve));
        return outcome();
      },
    /** Ends the flush that is under way. */
    end: (outcome = OK): void => flushes.shift()?.(outcome),
    flushing: (): number => flushes.length,
  };
};

test("write() answers what its action did, once that is flushed", async (t) => {
  const { commit, end } = makeSlowDisk();
  const { write } = makeCommits({ prepare: OK, commit, deadlineMs: 5_000 });
  let answered = false;
  const ran = new Promise<void>((resolve) => {
    write(() => resolve())().then(() => {
      answered = true;
    });
  });
  await ran;
  t.false(answered);
  const next = succeed(write(() => "next"));
  end();
  const over = next.then((value) => t.is(value, "next"));
  await new Promise(setImmediate);
  end();
  await over;
  t.true(answered);
});

test("what is written while a flush is under way shares the next one", async (t) => {
  const { commit, end, flushing } = makeSlowDisk();
  let commits = 0;
  const { write, idle } = makeCommits({
    prepare: OK,
    commit: (actions) => {
      commits += 1;
      return commit(actions);
    },
    deadlineMs: 5_000,
  });
  const first = write(() => 1)();
  await new Promise(setImmediate);
  const others = [2, 3, 4].map((value) => succeed(write(() => value)));
  await new Promise(setImmediate);
  t.is(flushing(), 1);
  end();
  await first;
  await new Promise(setImmediate);
  end();
  t.deepEqual(await Promise.all(others), [2, 3, 4]);
  await idle();
  t.is(commits, 2);
});

test("what is written as soon as the one before is answered is begun at once", async (t) => {
  const { write } = makeCommits({
    prepare: OK,
    commit: (actions) => TE.fromIO(actions),
    deadlineMs: 5_000,
  });
  await write(() => "first")();
  t.deepEqual(await write(() => "second")(), E.right("second"));
});

test("a flush that fails fails all who shared it, and not those after", async (t) => {
  const { commit, end } = makeSlowDisk();
  const { write } = makeCommits({ prepare: OK, commit, deadlineMs: 5_000 });
  const sharing = [1, 2].map((value) => fail(write(() => value)));
  await new Promise(setImmediate);
  const next = succeed(write(() => "next"));
  end(TE.left(storeUnavailable("EIO")));
  for (const { cause } of await Promise.all(sharing)) {
    t.is(cause, "EIO");
  }
  await new Promise(setImmediate);
  end();
  t.is(await next, "next");
});

test("what has not begun by its deadline is told so, and never begins", async (t) => {
  const { commit, end } = makeSlowDisk();
  const { write, idle } = makeCommits({ prepare: OK, commit, deadlineMs: 20 });
  let begun = false;
  const underWay = fail(write(() => undefined));
  await new Promise(setImmediate);
  const waiting = fail(
    write(() => {
      begun = true;
    }),
  );
  t.regex((await underWay).cause, /^no flush in 20 ms$/);
  t.regex((await waiting).cause, /^no flush in 20 ms$/);
  end();
  await idle();
  t.false(begun);
});

test("write() runs nothing while nothing can be prepared", async (t) => {
  const { write } = makeCommits({
    prepare: TE.left(storeUnavailable("ENOSPC")),
    commit: () => () => {
      throw new Error("begun");
    },
    deadlineMs: 5_000,
  });
  t.is((await fail(write(() => undefined))).cause, "ENOSPC");
});

test("an action that throws fails alone", async (t) => {
  const { write } = makeCommits({
    prepare: OK,
    commit: (actions) => TE.fromIO(actions),
    deadlineMs: 5_000,
  });
  const [thrown, done] = await Promise.all([
    fail(
      write(() => {
        throw new Error("a key too long");
      }),
    ),
    succeed(write(() => "done")),
  ]);
  t.is(thrown.cause, "a key too long");
  t.is(done, "done");
});
