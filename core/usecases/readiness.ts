import * as E from "fp-ts/lib/Either.js";
import { pipe } from "fp-ts/lib/function.js";
import * as O from "fp-ts/lib/Option.js";
import * as RA from "fp-ts/lib/ReadonlyArray.js";
import * as T from "fp-ts/lib/Task.js";
import type { MiscError } from "../domain/errors.ts";
import type { MessageGateway } from "../ports/message-gateway.ts";
import type { SettingsRepository } from "../ports/settings-repository.ts";
import type { VersionSource } from "../ports/version-source.ts";

/** A part of the service that cannot do its work now, and why. */
export interface Unready {
  /** `store`: settings and outbox. `versions`: the releases. `gateway`: the chat cloud. */
  readonly part: "store" | "versions" | "gateway";
  /** What it answered. */
  readonly error: MiscError;
}

/** Asks every part that can fail whether it can work; an empty answer means that all can. */
export const readiness =
  (ports: {
    readonly settings: SettingsRepository;
    readonly versions: VersionSource;
    readonly gateway: MessageGateway;
  }) =>
  (): T.Task<ReadonlyArray<Unready>> =>
    pipe(
      [
        ask("store", ports.settings.ready()),
        ask("versions", ports.versions.ready()),
        ask("gateway", ports.gateway.ready()),
      ],
      T.sequenceArray,
      T.map(RA.compact),
    );

const ask = (
  part: Unready["part"],
  ready: T.Task<E.Either<MiscError, void>>,
): T.Task<O.Option<Unready>> =>
  pipe(
    ready,
    T.map(
      E.match(
        (error) => O.some({ part, error }),
        () => O.none,
      ),
    ),
  );
