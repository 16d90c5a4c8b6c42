import { once } from "node:events";
import { chmod, cp, mkdir, readdir, readFile, stat, symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join, resolve } from "node:path";
import { styleText } from "node:util";
import { legacyCookie } from "../contract/legacy-cookie.ts";
import { runCommand } from "../support/command.ts";
import {
  type Ended,
  runOnTerminal,
  runProgram,
  startProgram,
  startServer,
} from "../support/program.ts";
import { makeTempDir } from "../support/temp-dir.ts";
import { type ExecutionContext, test } from "../support/test.ts";
import { until } from "../support/until.ts";

const withDataDir = async (
  t: ExecutionContext,
  use: (
    run: (...args: ReadonlyArray<string>) => Promise<Ended>,
    variables: { readonly DATA_DIR: string },
  ) => Promise<void>,
): Promise<void> => {
  const { dir, remove } = await makeTempDir();
  t.teardown(remove);
  const variables = { DATA_DIR: dir };
  await use((...args) => runCommand(args, variables), variables);
};

const SECRET = "correct horse battery staple, 32 bytes and more";

/** The line on standard error that names the store in a folder. */
const storeLine = (dir: string): string => `Store: sqlite ${join(dir, "store.db")}\n`;

test("friends add, list and remove change who is whose friend", async (t) => {
  await withDataDir(t, async (run, { DATA_DIR }) => {
    const stderr = storeLine(DATA_DIR);
    t.like(await run("friends", "add", "alice", "bob"), { code: 0, stdout: "", stderr });
    t.is((await run("friends", "add", "carol", "alice")).code, 0);
    t.deepEqual(await run("friends", "list", "alice"), {
      code: 0,
      stdout: "bob\ncarol\n",
      stderr,
    });
    t.is((await run("friends", "list", "bob", "--json")).stdout, '["alice"]\n');
    t.is((await run("friends", "remove", "bob", "alice")).code, 0);
    t.is((await run("friends", "list", "alice", "--json")).stdout, '["carol"]\n');
    t.deepEqual(await run("friends", "list", "nobody"), { code: 0, stdout: "", stderr });
  });
});

test("members add, list and remove change who is in a group", async (t) => {
  await withDataDir(t, async (run) => {
    t.is((await run("members", "add", "g", "bob", "alice")).code, 0);
    t.is((await run("members", "list", "g")).stdout, "alice\nbob\n");
    t.is((await run("members", "remove", "g", "bob", "carol")).code, 0);
    t.is((await run("members", "list", "g", "--json")).stdout, '["alice"]\n');
  });
});

for (const args of [
  [],
  ["nonsense"],
  ["friends"],
  ["friends", "add", "a"],
  ["friends", "add", "a", "a"],
  ["friends", "add", "a", "b", "c"],
  ["friends", "add", "a", "b:c"],
  ["friends", "list", ""],
  ["members", "add", "g"],
  ["members", "add", "g", "a", "x".repeat(65)],
  ["token"],
  ["token", "--user", "a", "--days", "0"],
  ["token", "--user", "a", "--days", "1.5"],
  ["token", "--user", "a b"],
  ["backup"],
  ["restore", "a.db", "b.db"],
  ["serve", "--nonsense"],
  ["serve", "--workers", "2"],
]) {
  test(`it exits 2 when it is called wrongly: ${args.join(" ").slice(0, 40)}`, async (t) => {
    await withDataDir(t, async (run, { DATA_DIR }) => {
      const { code, stderr } = await run(...args);
      t.is(code, 2);
      t.not(stderr.trim(), "");
      t.deepEqual(await readdir(DATA_DIR), []);
    });
  });
}

test("with an N3D key, only ids that it can spell are ids", async (t) => {
  const { dir, remove } = await makeTempDir();
  t.teardown(remove);
  const variables = { DATA_DIR: dir, N3D_KEY: "11EdDIaqpcim" };
  t.is((await runCommand(["friends", "add", "1", "4294967295"], variables)).code, 0);
  for (const id of ["0", "4294967296", "01", "alice"]) {
    const { code, stderr } = await runCommand(["friends", "add", "1", id], variables);
    t.deepEqual([code, stderr], [2, `not an id here: ${JSON.stringify(id)}\n`]);
  }
});

test("--help prints the commands and exits 0", async (t) => {
  await withDataDir(t, async (run) => {
    const { code, stdout } = await run("--help");
    t.is(code, 0);
    for (const command of [
      ...["serve", "token", "friends", "members", "import", "outbox"],
      ...["backup", "restore", "releases", "doctor"],
    ]) {
      t.true(stdout.includes(command));
    }
  });
});

test("every fault of the configuration is one line that names the variable, never its value", async (t) => {
  for (const [command, production] of [
    ["serve", ["STORE"]],
    ["doctor", ["STORE"]],
    ["token --user 1", []],
    ["friends list 1", []],
  ] as const) {
    const { code, stdout, stderr } = await runProgram(command.split(" "), {
      NODE_ENV: "production",
      PORT: "70000",
      SESSION_SECRET: "short-secret",
      RONGCLOUD_APP_KEY: "some-key",
      STORE: "memory",
      N3D_KEY: "tiny",
      LOG_LEVEL: "loud",
    });
    t.deepEqual([code, stdout], [78, ""]);
    const lines = stderr.trim().split("\n");
    t.deepEqual(lines.map((line) => line.split(":")[0]).sort(), [
      "LOG_LEVEL",
      "N3D_KEY",
      "PORT",
      "RONGCLOUD_APP_SECRET",
      "SESSION_SECRET",
      ...production,
    ]);
    t.notRegex(stderr, /70000|short-secret|some-key|tiny|loud/);
  }
});

test("a fault of the configuration that shows when it is used exits 78 too", async (t) => {
  const { dir, remove } = await makeTempDir();
  t.teardown(remove);
  for (const [args, variables, line] of [
    [["serve"], { SESSION_JWKS: "/nowhere" }, /^SESSION_JWKS: the file \/nowhere cannot be read$/m],
    [["token", "--user", "1"], { NODE_ENV: "production" }, /^SESSION_SECRET: expected to be set/m],
    [["friends", "add", "1", "2"], { STORE: "memory" }, /^STORE: memory keeps nothing/m],
  ] as const) {
    const { code, stderr } = await runCommand(args, { DATA_DIR: dir, ...variables });
    t.is(code, 78);
    t.regex(stderr, line);
  }
});

test("serve names SESSION_SECRET when DATA_DIR cannot be made", async (t) => {
  const { code, stderr } = await runProgram(["serve"], { DATA_DIR: "/dev/null/x", PORT: "0" });
  t.is(code, 78);
  t.regex(stderr, /^SESSION_SECRET: [^\n]*\n$/);
});

/** Runs a copy of the program that finds all libraries but one. */
const runWithout = async (
  t: ExecutionContext,
  library: string,
  args: ReadonlyArray<string>,
  variables: Readonly<Record<string, string>> = {},
): Promise<Ended & { readonly dir: string }> => {
  const { dir, remove } = await makeTempDir();
  t.teardown(remove);
  await cp("dist/adapters/program", join(dir, "program"), { recursive: true });
  await mkdir(join(dir, "node_modules"));
  for (const name of (await readdir("node_modules")).filter((name) => name !== library)) {
    await symlink(resolve("node_modules", name), join(dir, "node_modules", name));
  }
  const main = join(dir, "program", "main.cjs");
  const DATA_DIR = join(dir, "data");
  return { dir: DATA_DIR, ...(await runProgram(args, { DATA_DIR, ...variables }, main)) };
};

test("without commander the program says so, and what it needs", async (t) => {
  const { code, stderr } = await runWithout(t, "commander", ["--version"]);
  t.is(code, 1);
  t.regex(stderr, /^Cannot find module 'commander'\nThe program needs the peers [^\n]*\n$/);
});

test("without SQLite the program says what to install", async (t) => {
  // The flag hides the SQLite of a newer Node; Node 20 has neither.
  const flag = "--no-experimental-sqlite";
  const NODE_OPTIONS = process.allowedNodeEnvironmentFlags.has(flag) ? flag : "";
  const args = ["friends", "add", "a", "b"];
  const { dir, ...ended } = await runWithout(t, "@photostructure", args, { NODE_OPTIONS });
  t.deepEqual(ended, {
    code: 1,
    stdout: "",
    stderr:
      `${storeLine(dir)}store: No SQLite driver found. ` +
      "Use Node 22.13 or later, Deno or Bun, which have one built in, " +
      "or run `npm install @photostructure/sqlite@1.2.1`.\n",
  });
});

test("what never ends does not pass for done", async (t) => {
  const { dir, remove } = await makeTempDir();
  t.teardown(remove);
  const hanging = join(dir, "hanging.cjs");
  await writeFile(
    hanging,
    'for (const name of ["open", "readdir", "readFile"]) require("node:fs/promises")[name] = () => new Promise(() => {});',
  );
  const NODE_OPTIONS = `--require ${hanging}`;
  t.like(await runProgram(["releases", "check"], { NODE_OPTIONS }), { code: 13, stdout: "" });
});

test("--version prints the package's", async (t) => {
  await withDataDir(t, async (run) => {
    const { version } = JSON.parse(await readFile("package.json", "utf8"));
    t.like(await run("--version"), { code: 0, stdout: `${version}\n` });
  });
});

test("releases check says what each sample client would get", async (t) => {
  await withDataDir(t, async (run) => {
    const { code, stdout } = await run("releases", "check");
    t.is(code, 0);
    t.regex(stdout, /^desktop 0\.0\.1: 200, 1\.0\.2 from http/m);
    t.regex(stdout, /^desktop 1\.0\.2: 204/m);
    t.regex(stdout, /^iOS: 1\.0\.5 from/m);
    t.regex(stdout, /^demo square: groups 0, chat rooms 0$/m);
  });
});

test("releases check lists what is wrong with the files, a line each", async (t) => {
  const { dir, remove } = await makeTempDir();
  t.teardown(remove);
  await writeFile(join(dir, "desktop.json"), '{"version":"abc","url":"u"}');
  await writeFile(join(dir, "demo_square.json"), '[{"type":"group","id":7},{"type":"chatroom"}]');
  const { code, stderr } = await runCommand(["releases", "check"], { RELEASES_DIR: dir });
  t.is(code, 1);
  t.regex(stderr, /desktop\.json: version: expected a semantic version$/m);
  t.regex(stderr, /mobile\.json: file: expected one that can be read/m);
  t.regex(stderr, /demo_square\.json: 1\.id: expected an id$/m);
});

test("releases check and doctor refuse a demo square with an id that the deployment cannot spell", async (t) => {
  const { dir, remove } = await makeTempDir();
  t.teardown(remove);
  await cp("adapters/file/sample", dir, { recursive: true });
  const write = (id: string): Promise<void> =>
    writeFile(join(dir, "demo_square.json"), `[{"type":"group","id":${JSON.stringify(id)}}]`);
  const variables = { DATA_DIR: join(dir, "data"), RELEASES_DIR: dir, N3D_KEY: "11EdDIaqpcim" };
  const fault = /demo_square\.json: 0\.id: expected an id of this deployment/;
  await write("team");
  const refused = await runCommand(["releases", "check"], variables);
  t.is(refused.code, 1);
  t.regex(refused.stderr, fault);
  t.regex((await runCommand(["doctor"], variables)).stdout, fault);
  await write("7");
  const { code, stdout } = await runCommand(["releases", "check"], variables);
  t.is(code, 0);
  t.regex(stdout, /^demo square: groups 1, chat rooms 0$/m);
});

test("doctor finds every part well, or names the ones that are not", async (t) => {
  await withDataDir(t, async (run, variables) => {
    await run("friends", "add", "alice", "bob");
    t.deepEqual(await run("doctor"), {
      code: 0,
      stdout:
        "store: ok\nreleases: ok\nsessions: ok\ngateway: ok\n" +
        "gateway: warning: messages and notices are logged and sent to nobody; " +
        "set RONGCLOUD_APP_KEY and RONGCLOUD_APP_SECRET to send them\n",
      stderr: storeLine(variables.DATA_DIR),
    });
    const ill = await runProgram(["doctor"], {
      ...variables,
      RONGCLOUD_APP_KEY: "key",
      RONGCLOUD_APP_SECRET: "hush",
      RONGCLOUD_API: "http://127.0.0.1:1",
      SESSION_JWKS: "http://127.0.0.1:1/jwks",
      RELEASES_DIR: join(variables.DATA_DIR, "none"),
    });
    t.is(ill.code, 1);
    t.regex(ill.stdout, /^store: ok$/m);
    t.regex(ill.stdout, /^releases: .*desktop\.json/m);
    t.regex(ill.stdout, /^sessions: STORE_UNAVAILABLE/m);
    t.regex(ill.stdout, /^gateway: GATEWAY_UNAVAILABLE/m);
    t.notRegex(ill.stdout + ill.stderr, /hush/);
  });
});

test("what is written is for its user alone, also in a folder that was there", async (t) => {
  const { dir, remove } = await makeTempDir();
  t.teardown(remove);
  await chmod(dir, 0o755);
  const server = await startServer({ DATA_DIR: dir });
  const written = await readdir(dir);
  t.true(written.length > 2);
  const open = await Promise.all(
    written.map(async (name) => ((await stat(join(dir, name))).mode & 0o077) !== 0),
  );
  t.deepEqual(
    written.filter((_, index) => open[index]),
    [],
  );
  await server.end("SIGTERM");
});

test("a reader that goes away leaves no complaint", async (t) => {
  await withDataDir(t, async (_run, variables) => {
    const child = startProgram(["doctor"], variables);
    child.stdout.destroy();
    let complaints = "";
    child.stderr.on("data", (text) => {
      complaints += text;
    });
    const [code] = await once(child, "close");
    t.deepEqual([code, complaints], [0, storeLine(variables.DATA_DIR)]);
  });
});

test("doctor says what to do about each fault, for a person, a script and a terminal", async (t) => {
  await withDataDir(t, async (run, variables) => {
    await run("friends", "add", "alice", "bob");
    const ill = { ...variables, RELEASES_DIR: join(variables.DATA_DIR, "none") };
    const line = /^releases: .*desktop\.json.* -> mend the file: `sealtalk-misc releases check`/m;
    t.regex((await runCommand(["doctor"], ill)).stdout, line);

    const { code, stdout } = await runCommand(["doctor", "--json"], ill);
    t.is(code, 1);
    const found: ReadonlyArray<Record<string, string>> = JSON.parse(stdout);
    t.deepEqual(
      found.map(({ part, state }) => `${part} ${state}`),
      ["store ok", "releases fault", "sessions ok", "gateway ok", "gateway warning"],
    );
    t.regex(found[1]?.finding ?? "", /desktop\.json/);
    t.regex(found[1]?.advice ?? "", /^mend the file/);

    const shown = await runOnTerminal(["doctor"], ill);
    t.true(shown.stdout.includes(styleText("red", "fault")));
    t.regex(shown.stdout, /what to do/);
    const plain = await runOnTerminal(["doctor"], { ...ill, NO_COLOR: "1" });
    t.false(plain.stdout.includes("\u001b["));
    t.regex(plain.stdout, /^releases +fault +.*desktop\.json/m);
  });
});

test("releases check is a table on a terminal, and JSON for a script", async (t) => {
  const { code, stdout } = await runCommand(["releases", "check", "--json"], {});
  t.is(code, 0);
  const { samples, demoSquare } = JSON.parse(stdout);
  t.like(samples[0], { client: "desktop 0.0.1", status: 200, version: "1.0.2" });
  t.like(samples[1], { client: "desktop 1.0.2", status: 204 });
  t.deepEqual(demoSquare, { groups: 0, chatRooms: 0 });
  const shown = await runOnTerminal(["releases", "check"], { NO_COLOR: "1" });
  t.regex(shown.stdout, /^client +gets +from/m);
  t.regex(shown.stdout, /^desktop 0\.0\.1 +200 +1\.0\.2 +http/m);

  const broken = await runCommand(["releases", "check", "--json"], { RELEASES_DIR: "/nowhere" });
  t.is(broken.code, 1);
  t.true(JSON.parse(broken.stdout).faults.length >= 2);
});

test("doctor and serve warn of an existing deployment's cookie, and why", async (t) => {
  const { dir, remove } = await makeTempDir();
  t.teardown(remove);
  const variables = {
    DATA_DIR: dir,
    LEGACY_COOKIE_NAME: "rong_auth_cookie",
    LEGACY_COOKIE_KEY: "hushhush",
  };
  const why = /nothing authenticates .* become another user/;
  const { code, stdout } = await runProgram(["doctor"], variables);
  t.is(code, 0);
  t.regex(stdout, /^sessions: ok\nsessions: warning: LEGACY_COOKIE_NAME is set: /m);
  t.regex(stdout, why);
  const server = await startServer(variables);
  const { level } = await server.line(({ msg }) => why.test(String(msg)));
  t.is(level, 40);
  t.is(await server.end("SIGTERM"), 0);
  t.false((stdout + JSON.stringify(server.lines)).includes("hushhush"));
});

test("production serves on an existing deployment's cookie alone", async (t) => {
  const { dir, remove } = await makeTempDir();
  t.teardown(remove);
  const server = await startServer({
    NODE_ENV: "production",
    DATA_DIR: dir,
    MESSAGE_GATEWAY: "log",
    LEGACY_COOKIE_NAME: "rong_auth_cookie",
    LEGACY_COOKIE_KEY: "cookiekey",
  });
  const ask = (user: string): Promise<Response> =>
    fetch(`${server.url}/misc/get_screen_capture`, {
      method: "POST",
      headers: {
        cookie: `rong_auth_cookie=${legacyCookie("cookiekey", user, Date.now())}`,
        "content-type": "application/json",
      },
      body: '{"conversationType":1,"targetId":"2"}',
    });
  t.is((await ask("0")).status, 401);
  t.is((await ask("1")).status, 403);
  t.is(await server.end("SIGTERM"), 0);
});

const askFor = (url: string, token: string): RequestInit & { readonly url: string } => ({
  url: `${url}/misc/get_screen_capture`,
  method: "POST",
  headers: { authorization: `Bearer ${token.trim()}`, "content-type": "application/json" },
  body: '{"conversationType":1,"targetId":"bob"}',
});

test("token and friends work while the server runs, and it heeds them at once", async (t) => {
  await withDataDir(t, async (run, variables) => {
    const server = await startServer(variables);
    await server.line(({ msg }) => String(msg).startsWith("messages are only logged"));
    const { stdout: token } = await run("token", "--user", "alice", "--days", "1");
    const { url, ...request } = askFor(server.url, token);
    t.is((await fetch(url, request)).status, 403);
    await run("friends", "add", "alice", "bob");
    t.is((await fetch(url, request)).status, 200);
    await run("friends", "remove", "alice", "bob");
    t.is((await fetch(url, request)).status, 403);
    t.is(await server.end("SIGTERM"), 0);
    t.false(JSON.stringify(server.lines).includes(token.trim()));
  });
});

test("token signs under SESSION_SECRET, for the days it is told", async (t) => {
  const { dir, remove } = await makeTempDir();
  t.teardown(remove);
  const variables = { DATA_DIR: dir, SESSION_SECRET: SECRET, SESSION_ISSUER: "us" };
  const { stdout } = await runProgram(["token", "--user", "alice", "--days", "2"], variables);
  const claims = JSON.parse(Buffer.from(stdout.split(".")[1] ?? "", "base64url").toString());
  t.like(claims, { sub: "alice", iss: "us" });
  t.is(claims.exp - claims.iat, 2 * 86_400);
});

test("serve says once why it cannot open the store, and exits 1", async (t) => {
  await withDataDir(t, async (_, variables) => {
    const store = join(variables.DATA_DIR, "store.db");
    await writeFile(store, "no store".repeat(1_000));
    t.deepEqual(await runProgram(["serve"], { ...variables, PORT: "0" }), {
      code: 1,
      stdout: "",
      stderr:
        `store: ${store} is damaged or is not a SQLite file (file is not a database). ` +
        "Restore a backup that is whole: sealtalk-misc restore FILE.\n",
    });
  });
});

test("serve says which port is taken and exits 1", async (t) => {
  await withDataDir(t, async (_, variables) => {
    const taken = createServer().listen(0, "127.0.0.1");
    await once(taken, "listening");
    const address = taken.address();
    const PORT = String(typeof address === "object" ? address?.port : "");
    const { code, stderr } = await runProgram(["serve"], { ...variables, PORT });
    t.is(code, 1);
    t.regex(stderr, /^cannot listen: .*EADDRINUSE/);
    taken.close();
  });
});

test("serve exits 0 when SIGTERM comes before it listens", async (t) => {
  const { dir, remove } = await makeTempDir();
  t.teardown(remove);
  const child = startProgram(["serve"], { DATA_DIR: dir, PORT: "0" });
  const closed = once(child, "close");
  // The secret is made after the signal handlers are installed, and before the server listens.
  await until("the secret is made", async () => {
    return (await readFile(join(dir, "session-secret"))).length > 0;
  });
  child.kill("SIGTERM");
  t.deepEqual(await closed, [0, null]);
});

for (const signal of ["SIGTERM", "SIGINT"] as const) {
  test(`serve answers what is in flight when ${signal} comes, and exits 0`, async (t) => {
    await withDataDir(t, async (run, variables) => {
      const server = await startServer(variables);
      const { stdout: token } = await run("token", "--user", "alice");
      await run("friends", "add", "alice", "bob");
      const { url, body, ...request } = askFor(server.url, token);
      const [head, tail] = [String(body).slice(0, 5), String(body).slice(5)];
      const half = new TransformStream<Uint8Array, Uint8Array>();
      const writer = half.writable.getWriter();
      const answer = fetch(url, { ...request, body: half.readable, duplex: "half" });
      await writer.write(new TextEncoder().encode(head));
      await fetch(`${server.url}/healthz`);
      const ended = server.end(signal);
      await server.line(({ msg }) => msg === "stopping");
      await writer.write(new TextEncoder().encode(tail));
      await writer.close();
      t.is((await answer).status, 200);
      t.is(await ended, 0);
    });
  });
}
