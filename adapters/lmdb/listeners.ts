import * as TE from "fp-ts/lib/TaskEither.js";
import type { Outbox } from "../../core/mod.ts";

/** Who wants to hear that a notice was stored. */
interface Listeners {
  readonly subscribe: Outbox["subscribe"];
  readonly announce: () => void;
}

/** Nobody, at first. */
export const makeListeners = (): Listeners => {
  const listeners = new Set<() => void>();
  return {
    subscribe: (listener) =>
      TE.fromIO(() => {
        listeners.add(listener);
        return () => {
          listeners.delete(listener);
        };
      }),
    announce: () => {
      for (const listener of listeners) {
        listener();
      }
    },
  };
};
