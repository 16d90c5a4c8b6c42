import * as O from "fp-ts/lib/Option.js";
import type { Id } from "../../core/mod.ts";

const LARGEST = 2 ** 32 - 1;

/**
 * The integer that an id is in the database, if it is one's only spelling. MySQL itself would take
 * "12abc" for 12.
 */
export const integerOf = (id: Id): O.Option<number> =>
  /^[1-9]\d{0,9}$/.test(id) && Number(id) <= LARGEST ? O.some(Number(id)) : O.none;
