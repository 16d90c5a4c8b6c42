import { SingleBar } from "cli-progress";
import type { Surroundings } from "./surroundings.ts";

/** How far a long command has come. */
interface Progress {
  readonly update: (done: number, rows: number) => void;
  readonly stop: () => void;
}

/** Shows the progress of a long command. Shows only the number of rows if `total` is unknown. */
export type ShowProgress = (what: string, total?: number) => Progress;

/** A bar for whoever watches, else lines for a log. */
export const progressFor = ({
  isWatched,
  complain,
}: Pick<Surroundings, "isWatched" | "complain">): ShowProgress =>
  isWatched ? showBar : showLines(complain);

const showBar: ShowProgress = (what, total) => {
  const bar = new SingleBar({
    format:
      total === undefined
        ? `${what} | {rows} rows | {duration_formatted}`
        : `${what} {bar} {percentage}% | {rows} rows | {eta_formatted} left`,
    stopOnComplete: false,
    hideCursor: true,
  });
  bar.start(total ?? 0, 0, { rows: 0 });
  return { update: (done, rows) => bar.update(done, { rows }), stop: () => bar.stop() };
};

const ROWS_A_LINE = 100_000;

/** A line for every so many rows. */
const showLines =
  (print: (line: string) => void): ShowProgress =>
  (what, total) => {
    let next = ROWS_A_LINE;
    return {
      update: (done, rows) => {
        if (rows >= next) {
          next = rows - (rows % ROWS_A_LINE) + ROWS_A_LINE;
          const percentage = total === undefined ? "" : `, ${Math.floor((100 * done) / total)}%`;
          print(`${what}: ${rows} rows${percentage}`);
        }
      },
      stop: () => {},
    };
  };
