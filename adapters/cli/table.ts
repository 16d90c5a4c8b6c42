import { styleText } from "node:util";
import Table from "cli-table3";

/** The text in a colour, on a terminal that wants one. */
export const coloured = (text: string, colour: "green" | "yellow" | "red"): string =>
  process.env.NO_COLOR ? text : styleText(colour, text);

// No borders: whoever copies a line has that line.
const CHARS = {
  ...{ top: "", "top-mid": "", "top-left": "", "top-right": "" },
  ...{ bottom: "", "bottom-mid": "", "bottom-left": "", "bottom-right": "" },
  ...{ left: "", "left-mid": "", mid: "", "mid-mid": "", right: "", "right-mid": "", middle: "  " },
};

/** Rows in columns under a head, for a terminal: a line each, however long. */
export const tableOf = (
  head: ReadonlyArray<string>,
  rows: ReadonlyArray<ReadonlyArray<string>>,
): string => {
  const table = new Table({
    head: head.map((name) => (process.env.NO_COLOR ? name : styleText("bold", name))),
    chars: CHARS,
    style: { head: [], border: [], "padding-left": 0, "padding-right": 0 },
  });
  table.push(...rows.map((row) => [...row]));
  return table
    .toString()
    .split("\n")
    .map((line) => line.trimEnd())
    .join("\n");
};
