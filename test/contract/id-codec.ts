import assert from "node:assert/strict";
import * as E from "fp-ts/lib/Either.js";
import type { Id, IdCodec } from "../../core/mod.ts";
import type { Contract } from "./contract.ts";
import { fail, succeed } from "./expect.ts";

/** What the cases need of an id codec. */
export interface IdCodecSubject {
  readonly codec: IdCodec;
  /** Ids that this deployment has, no two alike. */
  readonly ids: ReadonlyArray<Id>;
  /** Texts that are well-formed ids, but none of this deployment. */
  readonly strangers: ReadonlyArray<string>;
}

const OF_NO_DEPLOYMENT = ["", " ", "a b", "a:b", "é", "中", "a\n", "a\0", "%61", "x".repeat(65)];

const CHARACTERS = [..."0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_- \n"];

const near = (spelled: string): ReadonlyArray<string> => [
  spelled.slice(1),
  spelled.slice(0, -1),
  spelled.toLowerCase(),
  spelled.toUpperCase(),
  `${spelled}${spelled}`,
  ...CHARACTERS.flatMap((char) => [
    `${spelled}${char}`,
    `${char}${spelled}`,
    `${spelled.slice(0, -1)}${char}`,
    `${char}${spelled.slice(1)}`,
  ]),
];

/**
 * The sentences of {@link IdCodec}.
 *
 * @example
 * ```ts
 * import { Id } from "sealtalk-misc";
 * import { idCodecContract } from "sealtalk-misc/contract";
 * import { makeMemoryIds } from "sealtalk-misc/memory";
 *
 * const ids = ["1", "alice"].filter(Id.is);
 * for (const { run } of idCodecContract) {
 *   await run({ codec: makeMemoryIds(), ids, strangers: ["alice"] });
 * }
 * ```
 */
export const idCodecContract: Contract<IdCodecSubject> = [
  {
    title: "decode(encode(id)) is id",
    run: async ({ codec, ids }) => {
      for (const id of ids) {
        assert.equal(await succeed(codec.decode(await succeed(codec.encode(id)))), id);
      }
    },
  },
  {
    title: "an id has no aliases: only the text that encode gives is decoded",
    run: async ({ codec, ids }) => {
      for (const id of ids) {
        for (const text of near(await succeed(codec.encode(id)))) {
          const decoded = await codec.decode(text)();
          if (E.isRight(decoded)) {
            assert.equal(await succeed(codec.encode(decoded.right)), text);
          }
        }
      }
    },
  },
  {
    title: "the same id always has the same spelling, and no other id has it",
    run: async ({ codec, ids }) => {
      const spelled = await Promise.all(ids.map((id) => succeed(codec.encode(id))));
      const again = await Promise.all(ids.map((id) => succeed(codec.encode(id))));
      assert.deepEqual(again, spelled);
      assert.equal(new Set(spelled).size, ids.length);
    },
  },
  {
    title: "INVALID_ID, and no more than that, for what is no id of this deployment",
    run: async ({ codec, strangers }) => {
      for (const text of [...OF_NO_DEPLOYMENT, ...strangers]) {
        assert.deepEqual(await fail(codec.decode(text)), { _tag: "INVALID_ID" }, text);
      }
    },
  },
];
