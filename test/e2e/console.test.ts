/** The console, as somebody who writes a client has it before them: a real server, a real Chromium. */
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import type { Browser, Page } from "playwright-core";
import { openPage, startBrowser } from "../support/browser.ts";
import { type ServerProcess, startServer } from "../support/program.ts";
import { makeTempDir } from "../support/temp-dir.ts";
import { test } from "../support/test.ts";

const ENV = { STORE: "memory", SESSION_SECRET: "a secret of more than thirty-two bytes" };
const AXE = createRequire(import.meta.url).resolve("axe-core/axe.min.js");

let browser: Browser;
let server: ServerProcess;

test.before(async () => {
  [browser, server] = await Promise.all([startBrowser(), startServer(ENV)]);
});
test.after.always(async () => {
  await browser?.close();
  await server?.end("SIGTERM");
});

const signIn = async (page: Page, user: string): Promise<void> => {
  await page.goto(`${server.url}/console`);
  await page.getByLabel("Id of a user").fill(user);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByText(`Signed in as ${user}`).waitFor();
};

const befriend = async (page: Page, other: string): Promise<void> => {
  await page.getByLabel("Id of another user").fill(other);
  await page.getByRole("button", { name: "Make friends" }).click();
  await page.getByRole("button", { name: other, exact: true }).click();
  await page.getByText(`PRIVATE with ${other}`).waitFor();
};

const callOf = (page: Page, path: string) =>
  page.locator("details").filter({ hasText: new RegExp(`^(GET|POST) ${path}`) });

test("a message is sent as a user, and what would have gone to RongCloud is seen at once", async (t) => {
  const { page, complaints } = await openPage(browser);
  await signIn(page, "alice");
  await befriend(page, "bob");
  const call = callOf(page, "/misc/send_message");
  await call.locator("summary").click();
  await call.getByLabel("content", { exact: true }).fill("你好, it's <b>me</b>");
  await call.getByRole("button", { name: "Send" }).click();
  await call.getByRole("status").getByText('"code": "200"').waitFor();
  const answer = (await call.getByRole("status").textContent()) ?? "";
  t.regex(answer, /^200 OK\n(.*\n)*content-type: application\/json/);
  const request = (await call.getByRole("group", { name: "Request" }).textContent()) ?? "";
  t.regex(request, /^curl -i '.*\/misc\/send_message' \\\n {2}-H 'Authorization: Bearer ey/);
  t.true(request.includes(String.raw`it'\''s`));

  const message = page.locator("#inbox li").filter({ hasText: "it's <b>me</b>" });
  await message.waitFor();
  t.deepEqual(await message.locator("dd").allTextContents(), [
    "alice",
    "bob",
    "PRIVATE",
    "RC:TxtMsg",
  ]);
  t.deepEqual(JSON.parse((await message.locator("pre").textContent()) ?? ""), {
    content: "你好, it's <b>me</b>",
  });
  t.deepEqual(complaints, []);
});

test("each call shows what it asked and what it was answered", async (t) => {
  const { page, complaints } = await openPage(browser);
  await signIn(page, "carol");
  await befriend(page, "dave");
  const { paths } = JSON.parse(await (await fetch(`${server.url}/openapi.json`)).text());
  const routes = Object.keys(paths).filter((path) => path.startsWith("/misc/"));
  t.is(await page.locator("details").count(), routes.length);
  for (const path of routes) {
    const call = callOf(page, path);
    await call.locator("summary").click();
    await call.getByRole("button", { name: "Send" }).click();
    await call.getByRole("status").getByText(/^200 /).waitFor();
  }
  t.deepEqual(complaints, []);
});

test("a conversation's notices are switched on, and both users see it", async (t) => {
  const { page, complaints } = await openPage(browser);
  await signIn(page, "erin");
  await befriend(page, "frank");
  const notices = page.getByRole("switch", { name: "Screenshot notices" });
  t.is(await notices.getAttribute("aria-checked"), "false");
  await notices.click();
  await page.locator('#status[aria-checked="true"]').waitFor();
  await page.locator("#inbox li").filter({ hasText: "openScreenNtf" }).first().waitFor();

  const other = await openPage(browser);
  await signIn(other.page, "frank");
  await other.page.getByRole("button", { name: "erin", exact: true }).click();
  await other.page.locator('#status[aria-checked="true"]').waitFor();
  t.deepEqual([...complaints, ...other.complaints], []);
});

test("a group is joined, its members are shown, and it is a conversation to pick", async (t) => {
  const { page, complaints } = await openPage(browser);
  await signIn(page, "grace");
  await page.getByLabel("Id of a group").fill("team");
  await page.getByRole("button", { name: "Join" }).click();
  await page.getByText("members: grace").waitFor();
  await page.getByRole("button", { name: "team", exact: true }).click();
  await page.locator("#status:enabled").waitFor();
  t.is(
    await callOf(page, "/misc/send_message").locator("[name=conversationType]").inputValue(),
    "GROUP",
  );
  t.is(await callOf(page, "/misc/send_sc_msg").locator("[name=targetId]").inputValue(), "team");
  t.deepEqual(complaints, []);
});

test("everything can be done with a keyboard alone", async (t) => {
  const { page, complaints } = await openPage(browser);
  await page.goto(`${server.url}/console`);
  await page.getByText("Live.").waitFor();
  const focused = () =>
    page.evaluate("document.activeElement.name || document.activeElement.textContent.trim()");
  const press = async (...keys: ReadonlyArray<string>): Promise<void> => {
    for (const key of keys) {
      await page.keyboard.press(key);
    }
  };
  await press("Tab");
  t.is(await focused(), "中文");
  await press("Tab");
  t.is(await focused(), "user");
  await page.keyboard.type("heidi");
  await press("Enter");
  await page.getByText("Signed in as heidi").waitFor();
  await press("Tab", "Tab");
  t.is(await focused(), "other");
  await page.keyboard.type("ivan");
  await press("Enter");
  await page.getByRole("button", { name: "ivan", exact: true }).waitFor();
  await press("Shift+Tab");
  t.is(await focused(), "ivan");
  await press("Enter");
  await page.getByText("PRIVATE with ivan").waitFor();
  await page.locator("#status:enabled").focus();
  await press("Space");
  await page.locator('#status[aria-checked="true"]').waitFor();
  t.deepEqual(complaints, []);
});

test("it speaks Chinese to who does, and remembers the choice", async (t) => {
  const { page, complaints } = await openPage(browser, { locale: "zh-CN" });
  await page.goto(`${server.url}/console`);
  await page.getByRole("heading", { name: "接口调用" }).waitFor();
  t.is(await page.locator("html").getAttribute("lang"), "zh");
  await page.getByRole("button", { name: "English" }).click();
  await page.getByRole("heading", { name: "Calls" }).waitFor();
  await page.reload();
  await page.getByRole("heading", { name: "Calls" }).waitFor();
  t.is(await page.locator("html").getAttribute("lang"), "en");
  t.deepEqual(complaints, []);
});

for (const colorScheme of ["light", "dark"] as const) {
  test(`axe finds nothing wrong with it, in ${colorScheme}`, async (t) => {
    // The page's own policy would keep axe out.
    const { page } = await openPage(browser, { colorScheme, bypassCSP: true });
    await signIn(page, "judy");
    await befriend(page, "karl");
    for (const summary of await page.locator("summary").all()) {
      await summary.click();
    }
    const call = callOf(page, "/misc/send_message");
    await call.getByRole("button", { name: "Send" }).click();
    await page.locator("#inbox li").first().waitFor();
    await page.evaluate(await readFile(AXE, "utf8"));
    const found: unknown = await page.evaluate(
      "axe.run().then(({ violations }) => violations.map(({ id, nodes }) => id + ': ' + nodes.map(({ html }) => html).join(' ')))",
    );
    t.deepEqual(found, []);
  });
}

test("a page of another site can do nothing with it", async (t) => {
  const asking = { "content-type": "application/json" };
  const body = '{"user":"alice"}';
  const post = async (headers: Record<string, string>): Promise<number> =>
    (await fetch(`${server.url}/console/session`, { method: "POST", headers, body })).status;
  t.is(await post(asking), 200);
  t.is(await post({ ...asking, origin: server.url }), 200);
  t.is(await post({ ...asking, origin: "https://evil.example" }), 404);
  t.is(await post({ ...asking, "sec-fetch-site": "cross-site" }), 404);
  t.is(await post({ ...asking, "x-forwarded-for": "203.0.113.9" }), 404);
  t.is(await post({ "content-type": "text/plain" }), 415);
  const { page } = await openPage(browser);
  await page.goto(`${server.url}/docs`);
  const policy = (await fetch(`${server.url}/console`)).headers.get("content-security-policy");
  t.regex(policy ?? "", /^default-src 'none'; script-src 'self'; style-src 'self'; /);
  t.notRegex(policy ?? "", /unsafe/);
});

for (const [what, env] of [
  [
    "where messages go to RongCloud",
    { RONGCLOUD_APP_KEY: "key", RONGCLOUD_APP_SECRET: "app-secret" },
  ],
  ["in production", { NODE_ENV: "production", MESSAGE_GATEWAY: "log", STORE: "sqlite" }],
] as const) {
  test(`it is not there ${what}`, async (t) => {
    const { dir, remove } = await makeTempDir();
    const without = await startServer({ ...ENV, DATA_DIR: dir, ...env });
    t.teardown(async () => {
      await without.end("SIGTERM");
      await remove();
    });
    for (const path of ["/console", "/console/console.js", "/console/inbox"]) {
      t.is((await fetch(`${without.url}${path}`)).status, 404, path);
    }
    const body = '{"user":"alice"}';
    const headers = { "content-type": "application/json" };
    const answer = await fetch(`${without.url}/console/session`, { method: "POST", headers, body });
    t.is(answer.status, 404);
  });
}

test("who comes late gets what is kept, who comes back what they missed, and a stop ends it", async (t) => {
  const own = await startServer(ENV);
  const post = async (path: string, body: unknown, token = ""): Promise<unknown> => {
    const answer = await fetch(`${own.url}${path}`, {
      method: "POST",
      headers: { "content-type": "application/json", authorization: `Bearer ${token}` },
      body: JSON.stringify(body),
    });
    return answer.json();
  };
  await post("/console/befriend", { user: "a", other: "b" });
  const session = await post("/console/session", { user: "a" });
  const token = String(Object(session).token);
  const message = { conversationType: "PRIVATE", targetId: "b", objectName: "app:x" };
  const send = (content: string) => post("/misc/send_message", { ...message, content }, token);
  await send("one");
  await send("two");

  const read = async (headers: Record<string, string>) => {
    const answer = await fetch(`${own.url}/console/inbox`, { headers });
    t.is(answer.headers.get("content-type"), "text/event-stream; charset=utf-8");
    const contents: string[] = [];
    const decoder = new TextDecoder();
    const ended = (async () => {
      for await (const chunk of answer.body ?? []) {
        contents.push(
          ...[...decoder.decode(chunk).matchAll(/"content":"(\w+)"/g)].map(([, one = ""]) => one),
        );
      }
    })();
    return { contents, ended };
  };
  const late = await read({});
  const back = await read({ "last-event-id": "1" });
  await send("three");
  const stopped = own.end("SIGTERM");
  await Promise.allSettled([late.ended, back.ended]);
  t.deepEqual(late.contents, ["one", "two", "three"]);
  t.deepEqual(back.contents, ["two", "three"]);
  t.is(await stopped, 0);
});
