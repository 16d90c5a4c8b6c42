import { type ExecFileException, execFile } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join, posix, resolve } from "node:path";
import { parseSync } from "oxc-parser";

/** A ts block of the documentation, and where it is. */
export interface Snippet {
  readonly file: string;
  /** The line of its first line of code, from 1. */
  readonly line: number;
  readonly code: string;
  /** Whether it is run, or its types checked and no more. */
  readonly runs: boolean;
}

/** What became of a snippet: what the compiler and the run complained of, empty if nothing. */
export interface Checked {
  readonly snippet: Snippet;
  readonly types: string;
  readonly run: string;
}

const LONGEST_RUN_MS = 20_000;

/** The names of all files under a folder that end as asked, from the package's root. */
export const filesUnder = (folder: string, ending: string): ReadonlyArray<string> =>
  readdirSync(folder, { recursive: true, encoding: "utf8" })
    .map((name) => posix.join(folder, name.replaceAll("\\", "/")))
    .filter((name) => name.endsWith(ending))
    .sort();

/**
 * The ts blocks of a text in Markdown whose first line is `line` of its file. A fence says `ts`, or
 * `ts no-run` for a program that does not end; any other word after `ts` is an error.
 */
export const snippetsOf = (file: string, text: string, line = 1): ReadonlyArray<Snippet> => {
  const found: Snippet[] = [];
  let open: { info: string; from: number; lines: string[] } | undefined;
  for (const [index, content] of text.split("\n").entries()) {
    const fence = /^\s*```(.*)$/.exec(content)?.[1]?.trim();
    if (fence === undefined) {
      open?.lines.push(content);
    } else if (open === undefined) {
      open = { info: fence, from: line + index + 1, lines: [] };
    } else {
      found.push(...snippetIn(file, open.info, open.from, open.lines));
      open = undefined;
    }
  }
  return found;
};

const snippetIn = (
  file: string,
  info: string,
  line: number,
  lines: ReadonlyArray<string>,
): ReadonlyArray<Snippet> => {
  const [language = "", ...words] = info.split(/\s+/);
  if (!["ts", "tsx", "typescript", "js", "javascript"].includes(language)) {
    return [];
  }
  if (info !== "ts" && info !== "ts no-run") {
    throw new Error(`${file}:${line - 1} \`\`\`${info}: a block of code says ts or ts no-run`);
  }
  return [{ file, line, code: `${lines.join("\n")}\n`, runs: words.length === 0 }];
};

/** A docstring: its text without the stars, and the line that this begins on. */
export interface Docstring {
  readonly text: string;
  readonly line: number;
  /** Where the comment ends in the source. */
  readonly end: number;
}

/** All the docstrings of a source. */
export const docstringsOf = (file: string, source: string): ReadonlyArray<Docstring> =>
  parseSync(file, source)
    .comments.filter(({ type, value }) => type === "Block" && value.startsWith("*"))
    .map(({ value, start, end }) => ({
      text: value
        .slice(1)
        .split("\n")
        .map((row) => row.replace(/^\s*\* ?/, ""))
        .join("\n"),
      line: source.slice(0, start).split("\n").length,
      end,
    }));

/** Every ts block of the docstrings in core, adapters and contracts, of README.md and of the pages in docs. */
export const allSnippets = (): ReadonlyArray<Snippet> => [
  ...["core", "adapters", "test/contract"]
    .flatMap((folder) => filesUnder(folder, ".ts"))
    .flatMap((file) =>
      docstringsOf(file, readFileSync(file, "utf8")).flatMap(({ text, line }) =>
        snippetsOf(file, text, line),
      ),
    ),
  ...[...["README.md"].filter((file) => existsSync(file)), ...filesUnder("docs", ".md")].flatMap(
    (file) => snippetsOf(file, readFileSync(file, "utf8")),
  ),
];

interface Output {
  readonly failed: boolean;
  readonly text: string;
}

const runNode = (args: ReadonlyArray<string>, cwd: string): Promise<Output> =>
  new Promise((done) => {
    const report = (error: ExecFileException | null, stdout: string, stderr: string): void => {
      const late = error?.killed === true ? `did not end within ${LONGEST_RUN_MS} ms\n` : "";
      done({ failed: error !== null, text: `${late}${stdout}${stderr}` });
    };
    execFile(process.execPath, [...args], { cwd, timeout: LONGEST_RUN_MS }, report);
  });

const TSC = resolve("node_modules/typescript/bin/tsc");

const TSCONFIG = {
  extends: resolve("tsconfig.json"),
  compilerOptions: {
    rootDir: ".",
    outDir: ".",
    declaration: false,
    isolatedDeclarations: false,
    moduleDetection: "force",
    noUnusedLocals: false,
    sourceMap: false,
  },
  include: ["."],
  exclude: [],
};

/**
 * Checks the types of all snippets in one run of the compiler, then runs each as a module of its
 * own, in a process and a folder of its own. They are written under `folder` in the git-ignored
 * `.snippets`, inside the package, so that its own name is resolved to what is built. The compiler
 * emits JavaScript there too, since Node 20 runs no TypeScript. Answers in the snippets' order.
 */
export const checkSnippets = async (
  folder: string,
  snippets: ReadonlyArray<Snippet>,
): Promise<ReadonlyArray<Checked>> => {
  const root = join(".snippets", folder);
  rmSync(root, { recursive: true, force: true });
  mkdirSync(root, { recursive: true });
  writeFileSync(join(root, "tsconfig.json"), JSON.stringify(TSCONFIG));
  for (const snippet of snippets) {
    mkdirSync(join(root, nameOf(snippet)));
    writeFileSync(join(root, nameOf(snippet), "snippet.ts"), snippet.code);
  }
  const compiled = await runNode([TSC, "--pretty", "false", "-p", "tsconfig.json"], root);
  const complaints = compiled.text.split(/\n(?=\S)/);
  const claimed = complaints.filter((text) => snippets.some((one) => concerns(text, one)));
  if (compiled.failed && claimed.length === 0) {
    throw new Error(`The compiler failed: ${compiled.text}`);
  }
  const check = async (snippet: Snippet): Promise<Checked> => ({
    snippet,
    types: claimed.filter((text) => concerns(text, snippet)).join("\n"),
    run: snippet.runs ? await run(root, snippet) : "",
  });
  const checked: Checked[] = [];
  const waiting = [...snippets];
  const work = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      checked.push(await check(next));
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, work));
  return snippets.flatMap((snippet) => checked.filter((one) => one.snippet === snippet));
};

const run = async (root: string, snippet: Snippet): Promise<string> => {
  const { failed, text } = await runNode(["snippet.js"], join(root, nameOf(snippet)));
  return failed ? text || "failed without a word" : "";
};

const nameOf = ({ file, line }: Snippet): string => `${file.replaceAll("/", "-")}-${line}`;

const concerns = (complaint: string, snippet: Snippet): boolean =>
  complaint.startsWith(`${nameOf(snippet)}/snippet.ts(`);
