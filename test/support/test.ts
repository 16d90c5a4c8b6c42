import ava from "ava";

export type { ExecutionContext } from "ava";

/** AVA's `test` for the tests of a file in turn: what runs beside each other is files. */
export const test: typeof ava.serial = ava.serial;
