import assert from "node:assert/strict";
import * as E from "fp-ts/lib/Either.js";
import type { TaskEither } from "fp-ts/lib/TaskEither.js";
import { Id, WireId } from "../../core/mod.ts";

/** Runs a task and gives its value, or throws with the error that it answered. */
export const succeed = async <Failure, Value>(task: TaskEither<Failure, Value>): Promise<Value> => {
  const answer = await task();
  if (E.isLeft(answer)) {
    assert.fail(`answered ${JSON.stringify(answer.left)}`);
  }
  return answer.right;
};

/** Runs a task and gives its error, or throws with the value that it answered. */
export const fail = async <Failure, Value>(task: TaskEither<Failure, Value>): Promise<Failure> => {
  const answer = await task();
  if (E.isRight(answer)) {
    assert.fail(`answered ${JSON.stringify(answer.right)}`);
  }
  return answer.left;
};

/** An id for a test to use. */
export const id = (text: string): Id => {
  assert.ok(Id.is(text), `not an id: ${text}`);
  return text;
};

/** An id on the wire for a test to use. */
export const wireId = (text: string): WireId => {
  assert.ok(WireId.is(text), `not an id: ${text}`);
  return text;
};
