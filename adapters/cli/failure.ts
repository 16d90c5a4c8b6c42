/** Why a command failed: the lines to print, and the exit status that says which kind it was. */
export interface Failure {
  /** 1: it failed. 2: it was called wrongly. 78: the configuration is at fault. */
  readonly exitCode: 1 | 2 | 78;
  readonly lines: ReadonlyArray<string>;
}

/** What was asked for did not work. */
export const failed = (...lines: ReadonlyArray<string>): Failure => ({ exitCode: 1, lines });

/** What was asked for makes no sense. */
export const misused = (...lines: ReadonlyArray<string>): Failure => ({ exitCode: 2, lines });

/** The environment has faults. */
export const misconfigured = (...lines: ReadonlyArray<string>): Failure => ({
  exitCode: 78,
  lines,
});
