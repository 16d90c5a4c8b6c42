import type { Plugin } from "@hapi/hapi";
import {
  type MiscRouteOptions,
  methodNotAllowed,
  miscRoutes,
  type OnAnswered,
} from "../http/mod.ts";
import { addressBehind } from "./address.ts";
import { serve } from "./routes.ts";

/** What the plugin is registered with. */
export interface MiscPluginOptions extends MiscRouteOptions {
  /** Hears of each answer, for a log and metrics. */
  readonly onAnswered?: OnAnswered;
  /**
   * Addresses and ranges of the proxies before the server, whose X-Forwarded-For tells where a
   * request comes from; without them, it comes from whoever connects.
   */
  readonly trustedProxies?: ReadonlyArray<string>;
}

/**
 * The routes of /misc as a hapi plugin, for a server of your own.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import Hapi from "@hapi/hapi";
 * import { createMisc } from "sealtalk-misc";
 * import { miscPlugin } from "sealtalk-misc/hapi";
 * import { makeMemoryPorts } from "sealtalk-misc/memory";
 * import { makeSessions } from "sealtalk-misc/session";
 *
 * const misc = createMisc(makeMemoryPorts());
 * const secret = crypto.getRandomValues(new Uint8Array(32));
 * const sessions = makeSessions({ secret, cookie: "session" });
 * const server = Hapi.server();
 * await server.register({ plugin: miscPlugin, options: { misc, sessions } });
 * const answer = await server.inject("/misc/latest_update?version=1.0.2");
 * assert.equal(answer.statusCode, 204);
 * ```
 */
export const miscPlugin: Plugin<MiscPluginOptions> = {
  name: "sealtalk-misc",
  register: (server, { onAnswered = () => {}, trustedProxies = [], ...options }) => {
    const serving = { onAnswered, addressOf: addressBehind(trustedProxies) };
    server.route(
      miscRoutes(options).flatMap((route) =>
        [route.path, `${route.path}/`].flatMap((path) => [
          serve(route.method, path, () => route, serving),
          serve("*", path, () => methodNotAllowed(route), serving),
        ]),
      ),
    );
  },
};
