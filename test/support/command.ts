import { runCommandLine } from "../../adapters/cli/program.ts";
import type { Ended } from "./program.ts";

/**
 * Runs a command of the program to its end in this process, which need not load it anew: all of it
 * but what main.ts has of the world.
 */
export const runCommand = async (
  args: ReadonlyArray<string>,
  variables: Readonly<Record<string, string>>,
): Promise<Ended> => {
  const printed: string[] = [];
  const complaints: string[] = [];
  const code = await runCommandLine(args, {
    env: variables,
    isTerminal: false,
    isWatched: false,
    print: (line) => {
      printed.push(`${line}\n`);
    },
    complain: (line) => {
      complaints.push(`${line}\n`);
    },
    ended: () => new Promise(() => {}),
  });
  return { code, stdout: printed.join(""), stderr: complaints.join("") };
};
