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

/** Returns the code of a system error, such as ENOENT, or the text of any other error. */
export const codeOf = (fault: unknown): string =>
  fault instanceof Error && "code" in fault ? String(fault.code) : String(fault);

// Of a module, and of one that is required.
const NOT_FOUND: ReadonlyArray<unknown> = ["ERR_MODULE_NOT_FOUND", "MODULE_NOT_FOUND"];

/** Whether this was thrown since a library is not installed. */
export const isMissingModule = (fault: unknown): fault is Error =>
  fault instanceof Error && "code" in fault && NOT_FOUND.includes(fault.code);

/** Who embeds the core installs none of the libraries that the program needs. */
export const missingModule = ({ message }: Error): Failure =>
  failed(
    // The lines after it say who asked.
    message.split("\n", 1).join(),
    "The program needs the peers of its package: its docs/deploy/README.md installs them.",
  );
