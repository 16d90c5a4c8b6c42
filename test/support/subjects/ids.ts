import * as E from "fp-ts/lib/Either.js";
import { makeN3dIds, makePlainIds } from "../../../adapters/ids/mod.ts";
import type { IdCodec } from "../../../core/ports/id-codec.ts";
import { id } from "../../contract/expect.ts";
import { idCodecContract } from "../../contract/id-codec.ts";
import { type Case, casesOf } from "../cases.ts";

/** Known ids and their spellings, by key. */
export const VECTORS = [
  {
    key: "11EdDIaqpcim",
    pairs: [
      ["1", "kFpN4KiZn"],
      ["2", "z2mlAvb0c"],
      ["3", "uOavJZUpX"],
      ["61", "iGHhTEv4Z"],
      ["62", "Gb9DJ2FlC"],
      ["63", "k08yqutaZ"],
      ["64", "z1w6SdOj0"],
      ["3844", "Gv9DJ2FlC"],
      ["65535", "kLx4R3oDQ"],
      ["1000000", "ziU4L6RDa"],
      ["4294967295", "u7r7tFnKC"],
    ],
  },
  {
    key: "0123456789abcdef",
    pairs: [
      ["1", "A6WsOR8u3"],
      ["42", "CkW6Y2SjU"],
      ["4294967295", "5g7aLgASs"],
      ["41089093", "p1bPKljh2"],
      ["3325850625", "A2MR82U5r"],
      ["3110302982", "nH3FmEx6u"],
      ["1239207052", "Sm6smygkG"],
      ["3778375765", "m3qkmjeZi"],
      ["2516557777", "QZJB9IGUu"],
      ["1595926783", "QbqAskTjD"],
      ["520132333", "XUTvXkiwR"],
    ],
  },
] as const;

/** The N3D codec of a key that is good. */
export const n3d = (key: string): IdCodec => {
  const made = makeN3dIds(key);
  if (E.isLeft(made)) {
    throw new Error(`the key was refused: ${made.left.expected}`);
  }
  return made.right;
};

const opened = <Subject>(subject: Subject) => ({ subject, close: () => Promise.resolve() });

/** The id codecs as the subject of their contract. */
export const idCases: ReadonlyArray<Case> = [
  ...casesOf("plain ids", idCodecContract, async () =>
    opened({
      codec: makePlainIds(),
      ids: ["1", "01", "alice", "Alice", "_", "-", "constructor", "x".repeat(64)].map(id),
      strangers: [],
    }),
  ),
  ...VECTORS.flatMap(({ key, pairs }) =>
    casesOf(`n3d ids under ${key}`, idCodecContract, async () =>
      opened({
        codec: n3d(key),
        ids: pairs.map(([inside]) => id(inside)),
        strangers: ["1", "42", "alice", "constructor", "kFpN4KiZ_", "-".repeat(9), "z".repeat(64)],
      }),
    ),
  ),
];
