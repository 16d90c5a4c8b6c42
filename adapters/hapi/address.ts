import type { Socket } from "node:net";
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
      isNear(remoteAddress, 0) ? undefined : remoteAddress,
    );
  }
  const isTrusted = proxyAddress.compile([...proxies]);
  return (request) => proxyAddress(request.raw.req, isTrusted);
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
