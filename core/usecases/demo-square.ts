import { pipe } from "fp-ts/lib/function.js";
import * as O from "fp-ts/lib/Option.js";
import * as TE from "fp-ts/lib/TaskEither.js";
import {
  type DemoPlace,
  type DemoSquareItem,
  demoSquareItem,
  type GroupProfile,
} from "../domain/demo-square.ts";
import {
  type StoreUnavailable,
  type VersionsUnavailable,
  versionsUnavailable,
} from "../domain/errors.ts";
import type { GroupId, WireId } from "../domain/identity.ts";
import type { GroupProfiles } from "../ports/group-profiles.ts";
import type { IdCodec } from "../ports/id-codec.ts";
import type { VersionSource } from "../ports/version-source.ts";

/** Answers with the groups and chat rooms of the demo square, in their order. */
export const demoSquare =
  ({
    versions,
    groups,
    ids,
  }: {
    readonly versions: VersionSource;
    readonly groups: GroupProfiles;
    readonly ids: IdCodec;
  }) =>
  (): TE.TaskEither<VersionsUnavailable | StoreUnavailable, ReadonlyArray<DemoSquareItem>> =>
    pipe(
      versions.current(),
      TE.map((current) => current.demoSquare),
      TE.bindTo("places"),
      TE.bindW("profiles", ({ places }) => profilesOf(groups)(groupsAmong(places))),
      TE.chainW(({ places, profiles }) => pipe(places, TE.traverseArray(describe(ids, profiles)))),
    );

const groupsAmong = (places: ReadonlyArray<DemoPlace>): ReadonlyArray<GroupId> =>
  places.filter(({ type }) => type === "group").map(({ id }) => id);

// Without a group it is nobody's business whether the groups can be asked.
const profilesOf =
  (groups: GroupProfiles): GroupProfiles["profilesOf"] =>
  (asked) =>
    asked.length === 0 ? TE.right(new Map()) : groups.profilesOf(asked);

const describe =
  (ids: IdCodec, profiles: ReadonlyMap<GroupId, GroupProfile>) =>
  (place: DemoPlace): TE.TaskEither<VersionsUnavailable, DemoSquareItem> =>
    pipe(
      wireIdOf(ids)(place),
      TE.map((id) => demoSquareItem(place, id, O.fromNullable(profiles.get(place.id)))),
    );

// A source that knows the deployment's ids has refused such a list before it gets here.
const wireIdOf =
  (ids: IdCodec) =>
  ({ id }: DemoPlace): TE.TaskEither<VersionsUnavailable, WireId> =>
    pipe(
      ids.encode(id),
      TE.mapLeft(() => versionsUnavailable(`demo square: ${id} is no id of this deployment`)),
    );
