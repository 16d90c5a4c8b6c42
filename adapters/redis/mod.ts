/**
 * Settings, outbox and relationships on Redis, for any number of processes.
 *
 * @module
 */
export { openRedisStore, type RedisStore, type RedisStoreOptions } from "./store.ts";
