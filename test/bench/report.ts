/** What the bench found: printed as it is found, and kept for docs/performance.md. */

/** A drawing in Vega-Lite's terms. */
export type Drawing = Readonly<Record<string, unknown>>;

/** Where a section tells what it found. */
export interface Report {
  readonly line: (text: string) => void;
  readonly table: (
    columns: ReadonlyArray<string>,
    rows: ReadonlyArray<ReadonlyArray<string>>,
  ) => void;
  readonly plot: (name: string, drawing: Drawing) => void;
}

/** A report, and what it holds so far. */
export interface KeptReport extends Report {
  readonly text: () => string;
  readonly plots: ReadonlyMap<string, Drawing>;
}

export const print = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

/** A report that prints, and keeps what it printed. */
export const makeReport = (): KeptReport => {
  const lines: string[] = [];
  const plots = new Map<string, Drawing>();
  const add = (text: string): void => {
    print(text);
    lines.push(text);
  };
  const row = (cells: ReadonlyArray<string>): string => `| ${cells.join(" | ")} |`;
  return {
    line: (text) => {
      add(text);
      add("");
    },
    table: (columns, rows) => {
      const table = [row(columns), row(columns.map(() => "---")), ...rows.map(row)];
      add(table.join("\n"));
      add("");
    },
    plot: (name, drawing) => plots.set(name, drawing),
    text: () => lines.join("\n").trim(),
    plots,
  };
};
