/**
 * The contract suites under each runtime, the whole server where it has one, and the table of the
 * README that says what works where.
 */

import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { constants } from "node:os";
import { join, resolve } from "node:path";
import { makeDeployment, postJson } from "../support/deployment.ts";
import { run } from "../support/package.ts";
import { type Command, MAIN } from "../support/program.ts";
import { freePort } from "../support/redis-server.ts";
import { binPath, denoPath, nodePath } from "../support/runtimes.ts";
import { makeTempDir } from "../support/temp-dir.ts";
import { type ExecutionContext, test } from "../support/test.ts";
import { until } from "../support/until.ts";
import { bundleOf, workerdConfig } from "../support/worker.ts";
import { portableCases } from "./portable.ts";

/** What works under one runtime: the titles of the cases that hold. */
type Held = ReadonlySet<string>;

const PARTS: ReadonlyArray<readonly [string, RegExp]> = [
  ["core, on memory", /^memory |^core /],
  ["ids", /^(plain|n3d) ids/],
  ["fetch, session", /^fetch/],
  ["redis", /^redis /],
  ["sqlite", /^sqlite /],
  ["file", /^file:/],
  ["rongcloud", /^rongcloud/],
  ["the whole server", /^server /],
];

const held = new Map<string, Set<string>>();

const hold = (runtime: string, titles: ReadonlyArray<string>): void => {
  held.set(runtime, new Set([...(held.get(runtime) ?? []), ...titles]));
};

/** The titles of a report in the Test Anything Protocol, of which each has to be an ok. */
const titlesIn = (t: ExecutionContext, report: string): ReadonlyArray<string> => {
  t.deepEqual(report.match(/^not ok .*(\n {2}.*)*/gm) ?? [], []);
  return [...report.matchAll(/^ok \d+ - (.*)$/gm)].map(([, title = ""]) =>
    title.replace(/\\([\\#])/g, "$1"),
  );
};

/** Each runtime has a server of its own before the fetch face. */
const unserved = (title: string): string => title.replace(/^fetch behind [^:]+:/, "fetch behind:");

const NODES = ["20", "22", "24", "latest"] as const;
const nameOf = (version: string): string =>
  version === "latest" ? "newest Node" : `Node ${version}`;

const HOSTED: ReadonlyArray<readonly [string, () => Promise<Command>, () => Promise<Command>]> = [
  ...NODES.map(
    (version) =>
      [
        nameOf(version),
        async (): Promise<Command> => [await nodePath(version), "dist/test/runtimes/node/main.js"],
        async (): Promise<Command> => [await nodePath(version), MAIN, "serve"],
      ] as const,
  ),
  [
    "Deno",
    async () => [await denoPath(), "task", "--quiet", "test", "--reporter=tap"],
    async () => [await denoPath(), "task", "--quiet", "start"],
  ],
  [
    "Bun",
    async () => [binPath("bun"), "test/runtimes/bun/main.ts"],
    async () => [binPath("bun"), "adapters/cli/main.ts", "serve"],
  ],
];

let expected: ReadonlyArray<string> = [];

for (const [name, contracts, server] of HOSTED) {
  test(`every contract holds under ${name}`, async (t) => {
    t.timeout(120_000);
    const [program, ...args] = await contracts();
    const { text } = await run(".", program, ...args);
    const titles = titlesIn(t, text);
    expected = expected.length === 0 ? titles.map(unserved) : expected;
    t.deepEqual(titles.map(unserved), expected, text.slice(-2_000));
    t.true(portableCases.length > 0 && expected.length > 2 * portableCases.length);
    hold(name, titles);
  });

  test(`the whole server loses nothing under ${name} when it is killed`, async (t) => {
    t.timeout(120_000);
    // Where deno.json lets it write.
    const dir = join("data", randomUUID());
    await mkdir(dir, { recursive: true });
    const deployment = await makeDeployment({ dir, remove: () => rm(dir, { recursive: true }) });
    t.teardown(deployment.close);
    const command = await server();
    const token = await deployment.tokenFor("alice");
    const group = { conversationType: 3, targetId: "g" };
    deployment.rongCloud.behave({ status: 500 });
    const first = await deployment.start({}, command);
    const set = { ...group, noticeStatus: 1 };
    t.is((await postJson(first, "/misc/set_screen_capture", token, set)).status, 200);
    await first.line(({ msg }) => msg === "notice postponed");
    await first.end("SIGKILL");
    deployment.rongCloud.behave("take");
    const second = await deployment.start({}, command);
    const answer = await postJson(second, "/misc/get_screen_capture", token, group);
    t.deepEqual(await answer.json(), { code: 200, result: { status: 1 } });
    await until("the notice is delivered", async () => deployment.rongCloud.taken.length === 1);
    // What runs Deno's tasks passes the signal on, and may itself end by it.
    t.true([0, 128 + constants.signals.SIGTERM].includes(Number(await second.end("SIGTERM"))));
    hold(name, ["server of sqlite"]);
  });
}

/** A Worker in workerd: its address, once it answers there. */
const startWorker = async (t: ExecutionContext, entry: string): Promise<string> => {
  const { dir, remove } = await makeTempDir();
  t.teardown(remove);
  const port = await freePort();
  await writeFile(join(dir, "worker.js"), await bundleOf(entry));
  await writeFile(join(dir, "worker.capnp"), workerdConfig(port, {}, ["nodejs_compat"]));
  const child = spawn(binPath("workerd"), ["serve", "worker.capnp"], { cwd: dir, stdio: "ignore" });
  t.teardown(() => child.kill("SIGKILL"));
  const url = `http://127.0.0.1:${port}`;
  await until("the Worker answers", async () => (await fetch(url)).status > 0);
  return url;
};

test("what needs no host holds under workerd", async (t) => {
  const url = await startWorker(t, "test/runtimes/workerd/worker.ts");
  const titles = titlesIn(t, await (await fetch(url)).text());
  t.deepEqual(
    titles,
    portableCases.map(({ title }) => title),
  );
  hold("workerd", titles);
});

test("a Worker answers requests that come together", async (t) => {
  const url = await startWorker(t, "test/runtimes/workerd/serving.ts");
  const answers = await Promise.all(
    Array.from({ length: 50 }, () => fetch(`${url}/misc/mobile_version`)),
  );
  t.deepEqual(new Set(answers.map(({ status }) => status)), new Set([200]));
});

test("the core decides an update in Chromium", async (t) => {
  const { dir, remove } = await makeTempDir();
  t.teardown(remove);
  const script = Buffer.from(
    await bundleOf("test/runtimes/browser/page.ts", { conditions: ["browser"] }),
  ).toString();
  const page = join(dir, "page.html");
  await writeFile(page, `<!doctype html><script type="module">${script}</script>`);
  const { text } = await run(
    dir,
    "chromium",
    ...["--headless", "--no-sandbox", "--disable-gpu", `--user-data-dir=${join(dir, "profile")}`],
    ...["--virtual-time-budget=10000", "--dump-dom", `file://${resolve(page)}`],
  );
  t.regex(text, /<title>update keep INVALID_VERSION<\/title>/);
  hold("Chromium", ["core decides an update"]);
});

const tableOf = (columns: ReadonlyMap<string, Held>): string => {
  const row = (cells: ReadonlyArray<string>): string => `| ${cells.join(" | ")} |`;
  return [
    row(["part", ...columns.keys()]),
    row(["---", ...[...columns].map(() => ":-:")]),
    ...PARTS.map(([part, belongs]) =>
      row([
        part,
        ...[...columns.values()].map((titles) =>
          [...titles].some((title) => belongs.test(title)) ? "✓" : "–",
        ),
      ]),
    ),
  ].join("\n");
};

test("the README's table of runtimes is what held here", async (t) => {
  const readme = await readFile("README.md", "utf8");
  const table = tableOf(held);
  t.true(readme.includes(table), `README.md should have\n${table}`);
});
