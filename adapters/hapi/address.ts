import proxyAddress from "proxy-addr";
import type { AddressOf } from "./routes.ts";

/** Tells the address of a client behind proxies: the last in X-Forwarded-For that is none of theirs. */
export const addressBehind = (proxies: ReadonlyArray<string>): AddressOf => {
  const isTrusted = proxyAddress.compile([...proxies]);
  return (request) => proxyAddress(request.raw.req, isTrusted);
};
