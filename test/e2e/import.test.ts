import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { runCommand } from "../support/command.ts";
import { type Ended, runProgram } from "../support/program.ts";
import { makeTempDir } from "../support/temp-dir.ts";
import { type ExecutionContext, test } from "../support/test.ts";

interface Importing {
  readonly dir: string;
  /** The line on standard error that names the store. */
  readonly storeLine: string;
  readonly run: (...args: ReadonlyArray<string>) => Promise<Ended>;
  readonly file: (name: string, text: string) => Promise<string>;
}

const prepare = async (t: ExecutionContext): Promise<Importing> => {
  const { dir, remove } = await makeTempDir();
  t.teardown(remove);
  return {
    dir,
    storeLine: `Store: sqlite ${join(dir, "data", "store.db")}\n`,
    run: (...args) => runCommand(args, { DATA_DIR: join(dir, "data") }),
    file: async (name, text) => {
      await writeFile(join(dir, name), text);
      return join(dir, name);
    },
  };
};

test("import reads friends and members, and may be run again", async (t) => {
  const { run, file, storeLine } = await prepare(t);
  const friends = await file(
    "friends.csv",
    '\uFEFFuserId,friendId\r\nalice,bob\r\n"carol", alice\r\n',
  );
  const members = await file("members.csv", "team,alice\nteam,bob\nother,carol");
  for (const _ of ["first", "again"]) {
    const ended = await run("import", "--friends", friends, "--members", members);
    t.deepEqual(ended, {
      code: 0,
      stdout: `${friends}: 2 rows are stored\n${members}: 3 rows are stored\n`,
      stderr: storeLine,
    });
    t.is((await run("friends", "list", "alice")).stdout, "bob\ncarol\n");
    t.is((await run("members", "list", "team")).stdout, "alice\nbob\n");
  }
});

test("import reports the rows that it cannot use, and stores the others", async (t) => {
  const { run, file } = await prepare(t);
  const friends = await file(
    "friends.csv",
    "alice,bob\nalice\n\nalice,bob,carol\nalice,alice\na b,bob\ncarol,alice\n,bob\n",
  );
  const { code, stdout } = await run("import", "--json", "--friends", friends);
  t.is(code, 0);
  t.deepEqual(JSON.parse(stdout), [
    {
      from: friends,
      by: "line",
      stored: 2,
      skipped: [
        { reason: "not two columns", rows: 2, first: [2, 4] },
        { reason: "nobody is their own friend", rows: 1, first: [5] },
        { reason: "not an id here", rows: 2, first: [6, 8] },
      ],
    },
  ]);
  const { stdout: text } = await run("import", "--friends", friends);
  t.true(text.includes("2 rows are not: not two columns (line 2, 4)"), text);
  t.is((await run("friends", "list", "alice")).stdout, "bob\ncarol\n");
});

test("import stores nothing of a file whose first line names other pairs", async (t) => {
  const { run, file, storeLine } = await prepare(t);
  const members = await file("members.csv", "groupId,userId\nteam,carol\n");
  t.deepEqual(await run("import", "--friends", members), {
    code: 1,
    stdout: "",
    stderr:
      storeLine +
      `${members}: its first line is groupId,userId: these are other pairs\n` +
      `${members}: 0 rows are stored; the import may be run again, and changes nothing twice\n`,
  });
  t.is((await run("friends", "list", "team")).stdout, "");
});

test("import stores what stands before a line that is no CSV, and says which", async (t) => {
  const { run, file, storeLine } = await prepare(t);
  const rows = Array.from({ length: 1_500 }, (_, index) => `team,user${index}`).join("\n");
  const members = await file("members.csv", `${rows}\n"team,alice\n`);
  const { code, stderr } = await run("import", "--members", members);
  t.is(code, 1);
  t.true(stderr.startsWith(storeLine), stderr);
  t.regex(stderr, /members\.csv: line 150\d: CSV_QUOTE_NOT_CLOSED\n.*1000 rows are stored/);
  t.is((await run("members", "list", "team")).stdout.split("\n").length, 1_001);
});

test("import says that a file is not there, and what it was not told", async (t) => {
  const { run, file, storeLine } = await prepare(t);
  const missing = await run("import", "--friends", "nowhere.csv");
  t.deepEqual(missing, { code: 1, stdout: "", stderr: `${storeLine}nowhere.csv: ENOENT\n` });
  t.is((await run("import")).code, 2);
  const friends = await file("friends.csv", "");
  t.is((await run("import", "--friends", friends)).stdout, `${friends}: 0 rows are stored\n`);
});

test("import reads a file that is larger than its memory, and says how far it is", async (t) => {
  const { dir, file, storeLine } = await prepare(t);
  const rows = 250_000;
  const padding = "x".repeat(50);
  const lines = Array.from(
    { length: rows },
    (_, index) => `g${index % 5}${padding},u${index % 1_000}${padding}`,
  );
  const members = await file("members.csv", lines.join("\n"));
  const { code, stdout, stderr } = await runProgram(["import", "--members", members], {
    DATA_DIR: join(dir, "data"),
    NODE_OPTIONS: "--max-old-space-size=64",
  });
  t.is(stderr, `${storeLine}${members}: 100000 rows, 40%\n${members}: 200000 rows, 80%\n`);
  t.is(stdout, `${members}: ${rows} rows are stored\n`);
  t.is(code, 0);
});
