/**
 * The HTTP face on hapi: a plugin for a server of your own, and the standalone server.
 *
 * @module
 */

export type { Answered, OnAnswered } from "../http/mod.ts";
export { type MiscPluginOptions, miscPlugin } from "./plugin.ts";
export { makeServer, type ServerOptions } from "./server.ts";
