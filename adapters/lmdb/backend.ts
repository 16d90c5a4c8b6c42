import type { ImportableSettings, Outbox, RelationshipDirectory } from "../../core/mod.ts";

/** The ports that the embedded store serves, and the end of it. */
export interface LmdbStore {
  readonly settings: ImportableSettings;
  readonly outbox: Outbox;
  readonly relationships: RelationshipDirectory;
  /** Waits for what is being written. Whatever is asked afterwards is STORE_UNAVAILABLE. */
  readonly close: () => Promise<void>;
}

/** A store that is open: in this process, or in the one that owns it. */
export interface Backend extends LmdbStore {
  /** Resolves when it serves no more without having been closed: its owner is gone. */
  readonly lost: Promise<void>;
}
