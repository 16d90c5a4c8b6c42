import { execFile } from "node:child_process";
import { resolve } from "node:path";
import { promisify } from "node:util";

const printedBy = async (program: string, ...args: ReadonlyArray<string>): Promise<string> => {
  const { stdout } = await promisify(execFile)(program, [...args]);
  return stdout.trim().split("\n").at(-1) ?? "";
};

/** Where a Node of this version is: this one, or what npm fetches. */
export const nodePath = async (version: string): Promise<string> =>
  process.version.startsWith(`v${version}.`)
    ? process.execPath
    : printedBy("npx", "--yes", `node@${version}`, "--print", "process.execPath");

/** Where the Deno of package.json is: no dependency, since its tasks would find themselves there. */
export const denoPath = (): Promise<string> =>
  printedBy("npm", "run", "--silent", "deno", "--", "eval", "console.log(Deno.execPath())");

/** Where a program is that a development dependency brings. */
export const binPath = (name: string): string => resolve("node_modules/.bin", name);
