import { isIP, type Socket } from "node:net";
import proxyAddress from "proxy-addr";
import type { AddressOf } from "./routes.ts";

const isNear = proxyAddress.compile(["loopback", "linklocal", "uniquelocal"]);

/**
 * Tells the address of a client: the last in X-Forwarded-For that is none of the proxies'. Where no
 * proxy is named, who connects from near is most likely one, and all clients would have its address:
 * then it is unknown.
 */
export const addressBehind = (proxies: ReadonlyArray<string>): AddressOf => {
  if (proxies.length === 0) {
    return onceAConnection(({ info: { remoteAddress } }) =>
      isNear(remoteAddress, 0) ? undefined : clientAt(remoteAddress),
    );
  }
  const isTrusted = proxyAddress.compile([...proxies]);
  return (request) => clientAt(proxyAddress(request.raw.req, isTrusted));
};

const WITH_PORT = /^(?:(\d+(?:\.\d+){3})|\[([\da-f:.]+)\]):\d+$/i;
const MAPPED = /^::ffff:(\d+(?:\.\d+){3})$/i;

/** One name for a client, however a proxy spells it; who has a network of IPv6 has 64 bits to choose from. */
const clientAt = (spelled: string): string | undefined => {
  const [, four, six] = WITH_PORT.exec(spelled) ?? [];
  const address = four ?? six ?? spelled;
  const [, mapped = address] = MAPPED.exec(address) ?? [];
  switch (isIP(mapped)) {
    case 4:
      return mapped;
    case 6:
      return networkOf(mapped);
    default:
      return undefined;
  }
};

const networkOf = (address: string): string => {
  const [numbers] = address.split("%");
  const shortest = new URL(`http://[${numbers}]`).hostname.slice(1, -1);
  const [before = [], after] = shortest.split("::").map((part) => part.split(":").filter(Boolean));
  const groups =
    after === undefined
      ? [...before]
      : [
          ...before,
          ...Array.from({ length: 8 - before.length - after.length }, () => "0"),
          ...after,
        ];
  return groups.slice(0, 4).join(":");
};

/** What is asked of each request, but the same for all of a connection. */
const onceAConnection = (addressOf: AddressOf): AddressOf => {
  const known = new WeakMap<Socket, { readonly address: string | undefined }>();
  return (request) => {
    const { socket } = request.raw.req;
    const found = known.get(socket);
    if (found !== undefined) {
      return found.address;
    }
    const address = addressOf(request);
    known.set(socket, { address });
    return address;
  };
};
