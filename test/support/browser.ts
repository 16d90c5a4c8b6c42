import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";

/** A page in a profile of its own, and what the browser complained of so far. */
export interface Watched {
  readonly page: Page;
  /** Errors and warnings of the console, exceptions, and what the page's policy kept from it. */
  readonly complaints: ReadonlyArray<string>;
}

/** Debian's Chromium, without a window. */
export const startBrowser = (): Promise<Browser> =>
  chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox"] });

/** Opens a page that is watched from its first moment. */
export const openPage = async (
  browser: Browser,
  options: BrowserContextOptions = {},
): Promise<Watched> => {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) {
      complaints.push(`${message.type()}: ${message.text()}`);
    }
  });
  page.on("pageerror", (fault) => complaints.push(`exception: ${fault.message}`));
  return { page, complaints };
};
