import type { TaskEither } from "fp-ts/lib/TaskEither.js";
import type { InvalidId } from "../domain/errors.ts";
import type { Id, WireId } from "../domain/identity.ts";

/**
 * Spells ids for the wire and reads them back. `INVALID_ID`: no id of this deployment. It says
 * nothing about whether anybody has that id.
 */
export interface IdCodec {
  /** The same id always has the same spelling. */
  readonly encode: (id: Id) => TaskEither<InvalidId, WireId>;
  /**
   * `decode(encode(id))` is `id`, and only the text that `encode` gives is decoded: an id has no
   * aliases.
   */
  readonly decode: (text: string) => TaskEither<InvalidId, Id>;
}
