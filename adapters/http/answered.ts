import type { HttpResponse } from "./messages.ts";

/** What was answered, for a log line and for metrics. */
export interface Answered {
  readonly requestId: string;
  readonly method: string;
  /** The route's path, or `unknown`: never the text that a client sent. */
  readonly route: string;
  readonly answer: HttpResponse;
  /** From the request's arrival to its answer, in milliseconds. */
  readonly durationMs: number;
}

/** Hears of each answer. */
export type OnAnswered = (answered: Answered) => void;
