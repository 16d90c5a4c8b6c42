import type { ImportableSettings, Outbox, RelationshipDirectory } from "../../core/mod.ts";

/** The three ports of one store, open: in this process, or in the one that owns the store. */
export interface Backend {
  readonly settings: ImportableSettings;
  readonly outbox: Outbox;
  readonly relationships: RelationshipDirectory;
  readonly close: () => Promise<void>;
  /** Resolves when it serves no more without having been closed: its owner is gone. */
  readonly lost: Promise<void>;
}
