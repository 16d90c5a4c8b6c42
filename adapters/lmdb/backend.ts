import type { Outbox } from "../../core/ports/outbox.ts";
import type { RelationshipDirectory } from "../../core/ports/relationships.ts";
import type { ImportableSettings } from "../../core/ports/settings-repository.ts";

/** The three ports of one store, open: in this process, or in the one that owns the store. */
export interface Backend {
  readonly settings: ImportableSettings;
  readonly outbox: Outbox;
  readonly relationships: RelationshipDirectory;
  readonly close: () => Promise<void>;
  /** Resolves when it serves no more without having been closed: its owner is gone. */
  readonly lost: Promise<void>;
}
