/**
 * Settings, outbox and relationships in an embedded LMDB: the default store, for one machine.
 *
 * @module
 */
export type { LmdbStore } from "./backend.ts";
export { type LmdbStoreOptions, openLmdbStore } from "./store.ts";
