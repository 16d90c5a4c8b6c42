/**
 * Relationships, and what groups are called, read from an existing SealTalk database on MySQL or MariaDB.
 *
 * @module
 */
export { type MysqlAddress, type MysqlUrlFault, parseMysqlUrl, type SslMode } from "./address.ts";
export { type MysqlDatabase, type MysqlDatabaseOptions, openMysqlDatabase } from "./database.ts";
export type { Row, Table, Tables } from "./tables.ts";
