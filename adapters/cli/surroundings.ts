/** What a command has of the world around its process. */
export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Whether a person reads what is printed, as it comes. */
  readonly isTerminal: boolean;
  /** Prints one line of the command's result. */
  readonly print: (line: string) => void;
  /** Prints one line of what went wrong. */
  readonly complain: (line: string) => void;
  /** Whether a person watches the complaints as they come. */
  readonly isWatched: boolean;
  /** Resolves when the process is asked to end. */
  readonly ended: () => Promise<string>;
}

/** How a command prints its result: for who reads it, or as JSON. */
export interface PrintOptions {
  readonly json?: boolean;
}
