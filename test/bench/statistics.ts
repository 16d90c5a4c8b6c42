/** Arithmetic on measurements, and tables of them. */

export const mean = (numbers: ReadonlyArray<number>): number =>
  numbers.reduce((sum, number) => sum + number, 0) / numbers.length;

export const median = (numbers: ReadonlyArray<number>): number => {
  const half = numbers.length / 2;
  const sorted = [...numbers].sort((a, b) => a - b);
  return mean(sorted.slice(Math.ceil(half) - 1, Math.floor(half) + 1));
};

/** Formats a table in Markdown; `columns` is its first line. */
export const table = (columns: string, rows: ReadonlyArray<ReadonlyArray<string>>): string => {
  const rule = columns.replaceAll(/[^|]+/g, " --- ").trim();
  const lines = [columns, rule, ...rows.map((row) => row.join(" | "))];
  return lines.map((line) => `| ${line} |`).join("\n");
};

/** Formats a figure, and whether it meets its goal if it has one. */
export const judge = (value: number, digits: number, goal?: number, unit = ""): string => {
  const met = unit === "" ? value >= (goal ?? 0) : value <= (goal ?? 0);
  const verdict = `, goal ${unit === "" ? "≥" : "≤"} ${goal}${met ? "" : ": **not met**"}`;
  return `**${value.toFixed(digits)}${unit}**${goal === undefined ? "" : verdict}`;
};
