import type { HttpRequest } from "../http/mod.ts";

type Header = HttpRequest["header"];

const ADDRESS = /^(?:\d{1,3}(?:\.\d{1,3}){3}|\[[0-9a-f:.]+\])$/i;

/** What a proxy adds: behind one, anybody may come under a name that looks near. */
const FORWARDED = ["forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-real-ip"];

const hostIn = (host: string): string => host.replace(/:\d+$/, "");

/**
 * Whether a page of this very server asks. The console signs in as anybody, and another site's page can
 * send requests to a developer's own machine: under a name of its own that leads there too (DNS
 * rebinding), so none but localhost and plain addresses will do.
 */
export const isFromHere = (header: Header): boolean => {
  const host = header("host") ?? "";
  const name = hostIn(host);
  const site = header("sec-fetch-site");
  const origin = header("origin");
  return (
    (name === "localhost" || ADDRESS.test(name)) &&
    FORWARDED.every((one) => header(one) === undefined) &&
    (site === undefined || site === "same-origin" || site === "none") &&
    (origin === undefined || origin === `http://${host}` || origin === `https://${host}`)
  );
};

/** Whether a form of another site could not have sent it. */
export const isJson = (header: Header): boolean =>
  header("content-type")?.split(";")[0]?.trim().toLowerCase() === "application/json";
