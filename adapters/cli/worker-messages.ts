/**
 * What the primary process and its workers tell each other. The channel between them also carries
 * node:cluster's own messages and the rate limiter's: what decodes to none of these is not for us.
 */
import * as t from "io-ts";
import type { Failure } from "./failure.ts";

/** A question for what a worker has counted, or for what all have; its answer has its number. */
interface AskFigures {
  readonly _tag: "ASK_FIGURES";
  readonly id: number;
}

/** What a worker tells. */
export type FromWorker =
  /** It hears what it is told from now on. */
  | { readonly _tag: "HEARING" }
  | { readonly _tag: "LISTENING"; readonly url: string }
  /** It cannot go on, for this reason, and ends. */
  | { readonly _tag: "FAILED"; readonly failure: Failure }
  | { readonly _tag: "FIGURES"; readonly id: number; readonly figures: unknown }
  | AskFigures;

/** What the primary tells. */
export type FromPrimary =
  | { readonly _tag: "STOP" }
  | { readonly _tag: "FIGURES_OF_ALL"; readonly id: number; readonly text: string }
  | AskFigures;

const AskFigures: t.Type<AskFigures, unknown, unknown> = t.type({
  _tag: t.literal("ASK_FIGURES"),
  id: t.number,
});

/** Reads what a worker told. */
export const FromWorker: t.Type<FromWorker, unknown, unknown> = t.union([
  t.type({ _tag: t.literal("HEARING") }),
  t.type({ _tag: t.literal("LISTENING"), url: t.string }),
  t.type({
    _tag: t.literal("FAILED"),
    failure: t.type({
      exitCode: t.union([t.literal(1), t.literal(2), t.literal(78)]),
      lines: t.readonlyArray(t.string),
    }),
  }),
  t.type({ _tag: t.literal("FIGURES"), id: t.number, figures: t.unknown }),
  AskFigures,
]);

/** Reads what the primary told. */
export const FromPrimary: t.Type<FromPrimary, unknown, unknown> = t.union([
  t.type({ _tag: t.literal("STOP") }),
  t.type({ _tag: t.literal("FIGURES_OF_ALL"), id: t.number, text: t.string }),
  AskFigures,
]);
