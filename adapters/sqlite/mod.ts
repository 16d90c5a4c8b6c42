/**
 * Settings, outbox and relationships in an embedded SQLite: the default store, for one machine.
 *
 * @module
 */
export { backUpSqliteStore, restoreSqliteStore } from "./backup.ts";
export { openSqliteStore, type SqliteStore, type SqliteStoreOptions, storePath } from "./store.ts";
