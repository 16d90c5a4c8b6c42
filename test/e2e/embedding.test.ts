/**
 * The programs of docs/embedding.md, each in its own runtime, in a project that has installed the
 * packed package; and how large the package is in a bundle.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { gzipSync } from "node:zlib";
import test from "ava";
import { build } from "esbuild";
import { signSession } from "../../adapters/session/mod.ts";
import { id } from "../contract/expect.ts";
import { makeProject, packPackage } from "../support/package.ts";
import { freePort } from "../support/redis-server.ts";
import { makeTempDir } from "../support/temp-dir.ts";
import { until } from "../support/until.ts";

const { dir, remove } = await makeTempDir();
const SECRET = "a secret of more than thirty-two bytes";
const project = join(dir, "project");
const page = await readFile("docs/embedding.md", "utf8");

test.after.always(remove);
test.before(async () => {
  await makeProject(project, await packPackage(dir), [
    ...["@hapi/hapi", "@hono/node-server", "cookie", "express", "hono", "jose"],
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

const bin = (name: string): string => resolve("node_modules/.bin", name);

const bundled = async (
  entry: string,
  alias: Readonly<Record<string, string>> = {},
): Promise<Uint8Array> => {
  const { outputFiles } = await build({
    entryPoints: [entry],
    alias,
    bundle: true,
    minify: true,
    write: false,
    format: "esm",
    platform: "neutral",
    mainFields: ["module", "main"],
    conditions: ["workerd"],
    external: ["cloudflare:workers"],
    logLevel: "silent",
  });
  return outputFiles[0]?.contents ?? new Uint8Array();
};

/** What workerd is told: one Worker, and where it listens. */
const configOf = (port: number): string => `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "main", worker = (
    modules = [(name = "worker.js", esModule = embed "worker.js")],
    compatibilityDate = "2026-01-01",
    bindings = [(name = "SESSION_SECRET", text = "${SECRET}")]))],
  sockets = [(name = "http", address = "127.0.0.1:${port}", http = (), service = "main")]);
`;

type Start = (file: string, port: number) => Promise<readonly [string, ...string[]]>;

const node: Start = async (file) => [process.execPath, file];

const startWorker: Start = async (file, port) => {
  await writeFile(join(project, "worker.js"), await bundled(file));
  await writeFile(join(project, "worker.capnp"), configOf(port));
  return [bin("workerd"), "serve", "worker.capnp"];
};

const deno: Start = async (file) => [bin("deno"), "run", "--allow-net", "--allow-env", file];

for (const [heading, start, alone] of [
  ["Deno", deno, true],
  ["Bun", async (file) => [bin("bun"), file], true],
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
    const bundle = await bundled(entry, alias);
    const sizes = [bundle.byteLength, gzipSync(bundle).byteLength] as const;
    t.log(`${sizes.join(" bytes, compressed ")}`);
    t.true(sizes[0] > 10_000 && sizes[0] <= minified && sizes[1] <= compressed, sizes.join());
  }
});

/** The largest sizes that the page allows, in bytes: minified, and compressed. */
const ceilingsIn = (row: string): readonly [number, number] => {
  const [, minified, compressed] =
    new RegExp(`\\| ${row} \\| (\\d+) kB \\| (\\d+) kB \\|`).exec(page) ?? [];
  return [1_000 * Number(minified), 1_000 * Number(compressed)];
};
