/**
 * The message gateway on RongCloud's server API: web standards only, no vendor SDK.
 *
 * @module
 */
export { classify, type Reply, type Verdict } from "./classify.ts";
export type { RongCloudAttempt, RongCloudOptions } from "./client.ts";
export type { Answer, Fetch } from "./exchange.ts";
export { BEIJING_HOSTS, makeRongCloudGateway, probeRongCloud } from "./gateway.ts";
export { type SignatureHeaders, sign } from "./signature.ts";
