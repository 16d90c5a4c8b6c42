/**
 * Relationships kept in memory for a while, in front of whoever knows them.
 *
 * @module
 */
export { cacheRelationships, type RelationshipCacheOptions } from "./relationships.ts";
