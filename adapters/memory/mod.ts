/**
 * Every port in memory: the reference implementation, and the fakes that unit tests use.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { createMisc } from "sealtalk-misc";
 * import { makeMemoryPorts } from "sealtalk-misc/memory";
 *
 * const { checkUpdate } = createMisc(makeMemoryPorts());
 * assert.equal((await checkUpdate("1.0.0")())._tag, "Right");
 * ```
 *
 * @module
 */
import type { Ports } from "../../core/mod.ts";
import { makeMemoryGateway } from "./gateway.ts";
import { makeMemoryGroups } from "./groups.ts";
import { makeMemoryIds } from "./ids.ts";
import { makeMemoryStore } from "./store.ts";
import { makeMemoryVersions } from "./versions.ts";

export { type MemoryGateway, makeMemoryGateway } from "./gateway.ts";
export { type MemoryGroups, makeMemoryGroups } from "./groups.ts";
export { makeMemoryIds } from "./ids.ts";
export { type MemoryStore, makeMemoryStore } from "./store.ts";
export {
  type MemoryVersions,
  makeMemoryVersions,
  type ReleaseRecords,
  sampleRecords,
} from "./versions.ts";

/**
 * All the ports of the core in memory, with `overrides` in place of some.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { makeMemoryGateway, makeMemoryPorts } from "sealtalk-misc/memory";
 *
 * const { gateway } = makeMemoryGateway();
 * assert.equal(makeMemoryPorts({ gateway }).gateway, gateway);
 * ```
 */
export const makeMemoryPorts = (overrides: Partial<Ports> = {}): Ports => {
  const now = overrides.now ?? Date.now;
  const { settings, outbox, relationships } = makeMemoryStore({ now });
  return {
    versions: makeMemoryVersions().versions,
    settings,
    outbox,
    relationships,
    gateway: makeMemoryGateway().gateway,
    groups: makeMemoryGroups().groups,
    ids: makeMemoryIds(),
    now,
    random: Math.random,
    ...overrides,
  };
};
