/**
 * The programs of docs/embedding.md, each in its own runtime, in a project that has installed the
 * packed package; and how large the package is in a bundle.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { signSession } from "../../adapters/session/mod.ts";
import * as sqlite from "../../adapters/sqlite/mod.ts";
import * as unsupported from "../../adapters/sqlite/unsupported.ts";
import { id } from "../contract/expect.ts";
import { makeProject, packPackage } from "../support/package.ts";
import { freePort } from "../support/redis-server.ts";
import { binPath, denoPath } from "../support/runtimes.ts";
import { makeTempDir } from "../support/temp-dir.ts";
import { test } from "../support/test.ts";
import { until } from "../support/until.ts";
import { bundleOf, workerdConfig } from "../support/worker.ts";

const { dir, remove } = await makeTempDir();
const SECRET = "a secret of more than thirty-two bytes";
const project = join(dir, "project");
const page = await readFile("docs/embedding.md", "utf8");

test.after.always(remove);
test.before(async () => {
  await makeProject(project, await packPackage(dir), [
    ...["@hapi/hapi", "@hono/node-server", "@photostructure/sqlite", "chokidar", "cookie"],
    ...["express", "hono", "jose", "lru-cache", "proxy-addr"],
  ]);
});

const programOf = (heading: string): string => {
  const section = page.split(/^## /m).find((text) => text.startsWith(`${heading}\n`)) ?? "";
  const [, program] = /```mjs\n([\s\S]*?)\n```/.exec(section) ?? [];
  if (program === undefined) {
    throw new Error(`docs/embedding.md has no program under ${heading}`);
  }
  return program;
};

type Start = (file: string, port: number) => Promise<readonly [string, ...string[]]>;

const node: Start = async (file) => [process.execPath, file];

const startWorker: Start = async (file, port) => {
  await writeFile(join(project, "worker.js"), await bundleOf(file));
  await writeFile(join(project, "worker.capnp"), workerdConfig(port, { SESSION_SECRET: SECRET }));
  return [binPath("workerd"), "serve", "worker.capnp"];
};

const deno: Start = async (file) => [await denoPath(), "run", "--allow-net", "--allow-env", file];

for (const [heading, start, alone] of [
  ["On real adapters", node, true],
  ["Deno", deno, true],
  ["Bun", async (file) => [binPath("bun"), file], true],
  ["A Worker", startWorker, true],
  ["Hono", node, false],
  ["Express", node, false],
  ["An existing Hapi server", node, false],
] as ReadonlyArray<readonly [string, Start, boolean]>) {
  test(`the program for ${heading} serves`, async (t) => {
    const file = join(project, `${heading.replaceAll(" ", "-")}.mjs`);
    await writeFile(file, programOf(heading));
    const port = await freePort();
    const [command, ...args] = await start(file, port);
    const child = spawn(command, args, {
      cwd: project,
      env: { ...process.env, PORT: String(port), SESSION_SECRET: SECRET, NO_COLOR: "1" },
      stdio: ["ignore", "ignore", "pipe"],
    });
    const said = sayingOf(child);
    t.teardown(() => endOf(child));
    const url = `http://127.0.0.1:${port}`;
    await until(`${heading} serves: ${said.join("")}`, async () => {
      if (child.exitCode !== null) {
        t.fail(said.join(""));
        return true;
      }
      return (await fetch(`${url}/misc/client_version`)).ok;
    });
    t.is((await fetch(`${url}/misc/latest_update?version=1.0.2`)).status, 204);
    const token = await signSession({
      secret: new TextEncoder().encode(SECRET),
      user: id("1"),
      expiresAt: Date.now() + 60_000,
    })();
    const post = async (headers: Record<string, string>): Promise<unknown> => {
      const answer = await fetch(`${url}/misc/get_screen_capture`, {
        method: "POST",
        headers: { "content-type": "application/json", ...headers },
        body: '{"conversationType":1,"targetId":"w-2"}',
      });
      return JSON.parse(await answer.text()).error;
    };
    t.is(await post({}), "UNAUTHENTICATED");
    t.is(await post({ authorization: `Bearer ${token}` }), "NOT_FRIENDS");
    t.is(await (await fetch(url)).text().then((text) => text === "mine"), !alone);
  });
}

const sayingOf = (child: ChildProcess): ReadonlyArray<string> => {
  const said: string[] = [];
  child.stderr?.on("data", (chunk) => said.push(String(chunk)));
  return said;
};

const endOf = async (child: ChildProcess): Promise<void> => {
  if (child.exitCode === null && child.signalCode === null) {
    child.kill("SIGKILL");
    await once(child, "exit");
  }
};

test("core, fetch and memory in a bundle need nothing of Node, and weigh what the page says", async (t) => {
  const entry = join(project, "everything.mjs");
  await writeFile(
    entry,
    ["", "/fetch", "/memory"].map((path) => `export * from "sealtalk-misc${path}";`).join("\n"),
  );
  for (const [alias, [minified, compressed]] of [
    [{}, ceilingsIn("As it is")],
    [{ "fp-ts/lib": "fp-ts/es6" }, ceilingsIn("With the alias")],
  ] as const) {
    const bundle = await bundleOf(entry, { alias });
    const sizes = [bundle.byteLength, gzipSync(bundle).byteLength] as const;
    t.log(`${sizes.join(" bytes, compressed ")}`);
    t.true(sizes[0] > 10_000 && sizes[0] <= minified && sizes[1] <= compressed, sizes.join());
  }
});

test("a bundle without a disk offers the same names as sealtalk-misc/sqlite", (t) => {
  t.deepEqual(Object.keys(unsupported), Object.keys(sqlite));
});

for (const condition of ["workerd", "browser"]) {
  test(`the embedded store in a ${condition} bundle answers that it needs a disk and threads`, async (t) => {
    const entry = join(project, `sqlite-${condition}.mjs`);
    const bundle = join(project, `sqlite-${condition}.bundle.mjs`);
    await writeFile(
      entry,
      'import { backUpSqliteStore, openSqliteStore, restoreSqliteStore } from "sealtalk-misc/sqlite";\n' +
        'export const opened = await openSqliteStore({ dir: "data" })();\n' +
        'export const copied = await backUpSqliteStore("data", "backup.db")();\n' +
        'export const restored = await restoreSqliteStore("data", "backup.db")();\n',
    );
    await writeFile(bundle, await bundleOf(entry, { conditions: [condition] }));
    const { opened, copied, restored } = await import(bundle);
    for (const answer of [opened, copied, restored]) {
      t.deepEqual(answer, {
        _tag: "Left",
        left: {
          _tag: "STORE_UNAVAILABLE",
          cause:
            "The SQLite store needs a local disk and threads: it runs on Node, Deno and Bun, not in a Worker or a browser",
        },
      });
    }
  });
}

/** The largest sizes that the page allows, in bytes: minified, and compressed. */
const ceilingsIn = (row: string): readonly [number, number] => {
  const [, minified, compressed] =
    new RegExp(`\\| ${row} \\| (\\d+) kB \\| (\\d+) kB \\|`).exec(page) ?? [];
  return [1_000 * Number(minified), 1_000 * Number(compressed)];
};
