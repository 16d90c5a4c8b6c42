/**
 * The contract suites: what each port's comment promises, as cases that whoever writes an adapter
 * can run. A case is data, for any test runner; it gets a subject of its own, and fails by throwing.
 *
 * @example
 * ```ts
 * import test from "node:test";
 * import { directoryContract } from "sealtalk-misc/contract";
 * import { makeMemoryStore } from "sealtalk-misc/memory";
 *
 * for (const { title, run } of directoryContract) {
 *   test(title, () => run(makeMemoryStore().relationships));
 * }
 * ```
 *
 * @module
 */
export type { Contract, ContractCase } from "./contract.ts";
export { type Clock, makeClock } from "./fixtures.ts";
export { type GroupProfilesSubject, groupProfilesContract } from "./group-profiles.ts";
export { type HttpSubject, httpContract } from "./http.ts";
export { type IdCodecSubject, idCodecContract } from "./id-codec.ts";
export { type Cloud, type GatewaySubject, gatewayContract } from "./message-gateway.ts";
export { type OutboxSubject, outboxContract } from "./outbox.ts";
export { type Acquaintances, directoryContract, relationshipsContract } from "./relationships.ts";
export {
  type ImportSubject,
  importableSettingsContract,
  type SettingsSubject,
  settingsContract,
} from "./settings-repository.ts";
export { type TransferStore, type TransferSubject, transferContract } from "./store-transfer.ts";
export { type VersionSourceSubject, versionSourceContract } from "./version-source.ts";
export { makeWorld, type World } from "./world.ts";
