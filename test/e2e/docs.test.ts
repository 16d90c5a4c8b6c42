import type { Browser } from "playwright-core";
import { openPage, startBrowser } from "../support/browser.ts";
import { type ServerProcess, startServer } from "../support/program.ts";
import { test } from "../support/test.ts";

const ENV = { STORE: "memory", SESSION_SECRET: "a secret of more than thirty-two bytes" };

let browser: Browser;
let server: ServerProcess;

test.before(async () => {
  [browser, server] = await Promise.all([startBrowser(), startServer(ENV)]);
});
test.after.always(async () => {
  await browser?.close();
  await server?.end("SIGTERM");
});

test("/docs shows every route, and a request can be tried there", async (t) => {
  const { page, complaints } = await openPage(browser);
  const elsewhere: string[] = [];
  page.on("request", (request) => {
    if (!request.url().startsWith(server.url) && !request.url().startsWith("data:")) {
      elsewhere.push(request.url());
    }
  });
  await page.goto(`${server.url}/docs`);
  await page.getByText("/misc/set_screen_capture", { exact: true }).waitFor();
  const { paths } = JSON.parse(await (await fetch(`${server.url}/openapi.json`)).text());
  const shown = await page.locator(".opblock-summary-path").allTextContents();
  t.deepEqual(shown.map((path) => path.replaceAll("\u200b", "")).sort(), Object.keys(paths).sort());

  await page.locator("#operations-updates-latestUpdate .opblock-summary-control").click();
  const operation = page.locator("#operations-updates-latestUpdate");
  await operation.getByRole("button", { name: "Execute" }).click();
  const answered = operation.locator(".live-responses-table .response-col_status").first();
  await answered.waitFor();
  t.regex((await operation.locator(".live-responses-table").textContent()) ?? "", /200/);
  t.deepEqual(elsewhere, []);
  t.deepEqual(complaints, []);
});

test("/docs is not there with DOCS=0, nor are its files", async (t) => {
  const without = await startServer({ ...ENV, DOCS: "0" });
  t.teardown(() => without.end("SIGTERM"));
  for (const path of ["/docs", "/docs/", "/docs/page.js", "/docs/swagger-ui-bundle.js"]) {
    t.is((await fetch(`${server.url}${path}`)).status, 200, path);
    t.is((await fetch(`${without.url}${path}`)).status, 404, path);
  }
});

test("what is under /docs is that page and no other file", async (t) => {
  for (const path of ["/docs/..%2fpackage.json", "/docs/index.html", "/docs/package.json"]) {
    t.is((await fetch(`${server.url}${path}`)).status, 404, path);
  }
});
