import type { StoreUnavailable } from "../../core/mod.ts";
import type { PartitionKeys } from "./keys.ts";

/** What is known of partitions that answered with a fault. */
export interface Demotions {
  /** Whether the others come first for now. */
  readonly isDemoted: (partition: PartitionKeys, at: number) => boolean;
  /** A fault of a partition; whether the next is to be asked, since nobody need be told of this one. */
  readonly mayPass: (partition: PartitionKeys, at: number, fault: StoreUnavailable) => boolean;
  readonly works: (partition: PartitionKeys) => void;
}

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 30_000;

// What Redis itself answers begins with a code. All else is of a connection, and of all partitions.
const IS_ANSWER = /^[A-Z]{2,} |^Too many Cluster|^fewer than/;

// What a Cluster answers where a partition is being moved, or nobody has it for the moment.
const IS_MOVED = /\b(TRYAGAIN|ASK|MOVED|CLUSTERDOWN)\b|too many Cluster redirections/i;

/**
 * Lets a partition that answers with faults hold up no other: for a time, ever longer, it is asked
 * only when no other has anything. A fault that is new to it is told first, so that it is logged.
 */
export const makeDemotions = (): Demotions => {
  const demoted = new Map<PartitionKeys, { until: number; pauseMs: number; cause: string }>();
  return {
    isDemoted: (partition, at) => (demoted.get(partition)?.until ?? at) > at,
    mayPass: (partition, at, { cause }) => {
      if (!IS_ANSWER.test(cause)) {
        return false;
      }
      const before = demoted.get(partition);
      const pauseMs = Math.min(LONGEST_PAUSE_MS, (before?.pauseMs ?? FIRST_PAUSE_MS / 2) * 2);
      demoted.set(partition, { until: at + pauseMs, pauseMs, cause });
      return IS_MOVED.test(cause) || before?.cause === cause;
    },
    works: (partition) => {
      demoted.delete(partition);
    },
  };
};
