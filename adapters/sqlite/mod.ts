/**
 * Settings, outbox and relationships in an embedded SQLite: the default store, for one machine.
 *
 * @module
 */
export { openSqliteStore, type SqliteStore, type SqliteStoreOptions } from "./store.ts";
