import assert from "node:assert/strict";
import type { Either } from "fp-ts/lib/Either.js";
import * as E from "fp-ts/lib/Either.js";
import type { Releases, VersionSource, VersionsUnavailable } from "../../core/mod.ts";
import type { Contract } from "./contract.ts";
import { fail, succeed } from "./expect.ts";

/** What the cases need of a version source. */
export interface VersionSourceSubject {
  readonly source: VersionSource;
  /** What the source held when it was opened. */
  readonly first: Releases;
  /** Others, different in every part. */
  readonly second: Releases;
  /** Makes this what the source holds; resolves once the source knows. */
  readonly publish: (releases: Releases) => Promise<void>;
  /** Makes what the source holds no valid releases; resolves once the source knows. */
  readonly spoil: () => Promise<void>;
  /** What a source answers that has never held valid releases. */
  readonly withoutAny: () => Promise<Either<VersionsUnavailable, unknown>>;
}

/**
 * The sentences of {@link VersionSource}.
 *
 * @example
 * ```ts
 * import { isRight } from "fp-ts/lib/Either.js";
 * import { versionSourceContract } from "sealtalk-misc/contract";
 * import { makeMemoryVersions, sampleRecords } from "sealtalk-misc/memory";
 *
 * const broken = { desktop: null, mobile: null };
 * const desktop = { version: "2.0.0", url: "https://a.example", name: "", notes: "", pub_date: "" };
 * const mobile = { iOS: { version: "2", url: "u" }, Android: { version: "2", url: "u" } };
 * const demoSquare = [{ type: "group", id: "7" }];
 * for (const { run } of versionSourceContract) {
 *   const { versions, replace } = makeMemoryVersions(sampleRecords);
 *   const first = await versions.current()();
 *   const second = await makeMemoryVersions({ desktop, mobile, demoSquare }).versions.current()();
 *   if (isRight(first) && isRight(second)) {
 *     await run({
 *       source: versions,
 *       first: first.right,
 *       second: second.right,
 *       publish: async (releases) => replace(releases),
 *       spoil: async () => replace(broken),
 *       withoutAny: () => makeMemoryVersions(broken).versions.current()(),
 *     });
 *   }
 * }
 * ```
 */
export const versionSourceContract: Contract<VersionSourceSubject> = [
  {
    title: "current answers the releases and the demo square that the source holds",
    run: async ({ source, first, second, publish }) => {
      assert.deepEqual(await succeed(source.current()), first);
      await publish(second);
      assert.deepEqual(await succeed(source.current()), second);
    },
  },
  {
    title: "an answer never holds half of a change",
    run: async ({ source, first, second, publish }) => {
      let published = false;
      const publishing = publish(second).then(() => {
        published = true;
      });
      const answers = new Set<Releases>();
      while (!published) {
        answers.add(await succeed(source.current()));
        await new Promise((resolve) => setTimeout(resolve));
      }
      await publishing;
      answers.add(await succeed(source.current()));
      assert.ok(answers.size <= 2);
      for (const answer of answers) {
        const whole = answer.desktop.version === first.desktop.version ? first : second;
        assert.deepEqual(answer, whole);
      }
    },
  },
  {
    title: "as long as nothing has changed, every answer is the same object",
    run: async ({ source, second, publish }) => {
      const before = await succeed(source.current());
      assert.equal(await succeed(source.current()), before);
      await publish(second);
      const after = await succeed(source.current());
      assert.notEqual(after, before);
      assert.equal(await succeed(source.current()), after);
    },
  },
  {
    title: "a source that has had valid releases goes on answering with the last one",
    run: async ({ source, second, publish, spoil }) => {
      await publish(second);
      const last = await succeed(source.current());
      await spoil();
      assert.equal(await succeed(source.current()), last);
      assert.deepEqual(last, second);
    },
  },
  {
    title: "VERSIONS_UNAVAILABLE: there have been no valid ones",
    run: async ({ withoutAny }) => {
      const answer = await withoutAny();
      assert.ok(E.isLeft(answer));
      assert.equal(answer.left._tag, "VERSIONS_UNAVAILABLE");
      assert.notEqual(answer.left.cause, "");
    },
  },
  {
    title: "ready succeeds while what current answers is also what the source holds now",
    run: async ({ source, second, publish, spoil }) => {
      await succeed(source.ready());
      await spoil();
      const { _tag, cause } = await fail(source.ready());
      assert.equal(_tag, "VERSIONS_UNAVAILABLE");
      assert.notEqual(cause, "");
      await publish(second);
      await succeed(source.ready());
    },
  },
];
