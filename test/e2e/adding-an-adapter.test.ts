/** The programs of docs/adding-an-adapter.md, in a project that has installed the packed package. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { join, resolve } from "node:path";
import { signSession } from "../../adapters/session/mod.ts";
import { id } from "../contract/expect.ts";
import { relationshipsContract } from "../contract/relationships.ts";
import { makeProject, packPackage, readSubpaths, run } from "../support/package.ts";
import { freePort } from "../support/redis-server.ts";
import { makeTempDir } from "../support/temp-dir.ts";
import { test } from "../support/test.ts";
import { until } from "../support/until.ts";

const { dir, remove } = await makeTempDir();
const project = join(dir, "project");
const page = await readFile("docs/adding-an-adapter.md", "utf8");
const programs = [...page.matchAll(/```mts\n\/\/ (\S+)\n([\s\S]*?)\n```/g)].map(
  ([, name = "", program = ""]) => ({ name, program }),
);

test.after.always(remove);
test.before(async () => {
  const needed = (await readSubpaths()).filter(({ name }) => /\/(contract|inversify)$/.test(name));
  await makeProject(project, await packPackage(dir), [
    ...new Set([...needed.flatMap(({ packages }) => packages), "@types/node"]),
  ]);
  for (const { name, program } of programs) {
    await writeFile(join(project, name), `${program}\n`);
  }
});

test("the programs are written in strict TypeScript", async (t) => {
  t.deepEqual(
    programs.map(({ name }) => name),
    ["people-service.ts", "people-service.test.ts", "serve.ts"],
  );
  const { failed, text } = await run(
    project,
    process.execPath,
    resolve("node_modules/typescript/bin/tsc"),
    ...["--strict", "--skipLibCheck", "--module", "nodenext", "--target", "esnext"],
    ...["--rewriteRelativeImportExtensions", "--types", "node"],
    ...programs.map(({ name }) => name),
  );
  t.false(failed, text);
});

test("the adapter passes the contract and what is special to it", async (t) => {
  const { failed, text } = await run(
    project,
    process.execPath,
    ...["--test", "--test-reporter=tap", "people-service.test.js"],
  );
  t.false(failed, text);
  for (const [index, { title }] of relationshipsContract.entries()) {
    t.true(text.includes(`ok ${index + 1} - ${title}`), title);
  }
  t.regex(text, /^# skipped 0$/m);
});

test("the whole server asks the people service", async (t) => {
  const asked: string[] = [];
  const people = createServer(({ url = "" }, response) => {
    asked.push(url);
    response.end('{"known":true}');
  }).listen(0, "127.0.0.1");
  await once(people, "listening");
  t.teardown(() => people.close());
  const address = people.address();
  const port = await freePort();
  const secret = "a secret of more than thirty-two bytes";
  const server = spawn(process.execPath, ["serve.js"], {
    cwd: project,
    env: {
      PATH: process.env.PATH,
      PORT: String(port),
      STORE: "memory",
      SESSION_SECRET: secret,
      PEOPLE_URL: `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}`,
    },
    stdio: "ignore",
  });
  const ended = once(server, "exit");
  t.teardown(() => server.kill("SIGKILL"));
  const url = `http://127.0.0.1:${port}`;
  await until("it serves", async () => (await fetch(`${url}/healthz`)).ok);
  const token = await signSession({
    secret: new TextEncoder().encode(secret),
    user: id("1"),
    expiresAt: Date.now() + 60_000,
  })();
  const answer = await fetch(`${url}/misc/get_screen_capture`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: '{"conversationType":3,"targetId":"7"}',
  });
  t.deepEqual([answer.status, asked], [200, ["/groups/7/members/1"]]);
  server.kill("SIGTERM");
  t.deepEqual(await ended, [0, null]);
});
