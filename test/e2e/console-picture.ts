/** Draws docs/console.png: what the README shows of the console. */
import { openPage, startBrowser } from "../support/browser.ts";
import { startServer } from "../support/program.ts";

const server = await startServer({
  STORE: "memory",
  SESSION_SECRET: "a secret of more than thirty-two bytes",
});
const browser = await startBrowser();
const { page } = await openPage(browser, {
  viewport: { width: 1_280, height: 800 },
  colorScheme: "light",
});
await page.goto(`${server.url}/console`);
await page.getByLabel("Id of a user").fill("alice");
await page.getByRole("button", { name: "Sign in" }).click();
for (const friend of ["bob", "carol"]) {
  await page.getByLabel("Id of another user").fill(friend);
  await page.getByRole("button", { name: "Make friends" }).click();
  await page.getByRole("button", { name: friend, exact: true }).waitFor();
}
await page.getByLabel("Id of a group").fill("team");
await page.getByRole("button", { name: "Join" }).click();
await page.getByRole("button", { name: "bob", exact: true }).click();
await page.locator("#status:enabled").click();
const call = page.locator("details").filter({ hasText: "/misc/send_message" });
await call.locator("summary").click();
await call.getByLabel("content", { exact: true }).fill("你好，Bob");
await call.getByRole("button", { name: "Send" }).click();
await page.locator("#inbox li").nth(1).waitFor();
await page.evaluate("scrollTo(0, 0)");
await page.screenshot({ path: "docs/console.png" });
await browser.close();
await server.end("SIGTERM");
