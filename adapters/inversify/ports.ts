import { pipe } from "fp-ts/lib/function.js";
import * as O from "fp-ts/lib/Option.js";
import * as TE from "fp-ts/lib/TaskEither.js";
import type { Bind } from "inversify";
import { CONVERSATION_TYPES } from "../../core/mod.ts";
import type { Config } from "../config/mod.ts";
import { makeInbox } from "../console/inbox.ts";
import {
  openFileVersionSource,
  readReleases,
  renderReleaseFaults,
  sampleReleasesDir,
} from "../file/mod.ts";
import { makeN3dIds, makePlainIds } from "../ids/mod.ts";
import { makeLogGateway } from "../logging/mod.ts";
import {
  BEIJING_HOSTS,
  makeRongCloudGateway,
  probeRongCloud,
  type RongCloudOptions,
} from "../rongcloud/mod.ts";
import { onAttempt, onReload } from "./events.ts";
import { ConfigurationFault, OpeningFault, opened } from "./opening.ts";
import { provide } from "./provide.ts";
import * as tokens from "./tokens.ts";

/** How long a connection to RongCloud may take to be made, in milliseconds. */
const CONNECT_TIMEOUT_MS = 1_000;

/** How many notices of each type of conversation are on their way at once. */
export const NOTICES_AT_ONCE = 16;

/** Binds what the core asks besides the stores: releases, ids and the gateway. */
export const bindPorts = (bind: Bind): void => {
  provide(
    bind,
    tokens.RELEASE_FILES,
    [tokens.CONFIG, tokens.IDS, tokens.LOGGER],
    (config, ids, log) =>
      opened(
        openFileVersionSource({ dir: releasesDir(config), ids, onReload: onReload(log) }),
        ({ cause }) => new OpeningFault(`releases: ${cause}`),
      ),
    ({ close }) => close(),
  );
  provide(bind, tokens.READ_RELEASES, [tokens.CONFIG, tokens.IDS], (config, ids) =>
    pipe(readReleases(releasesDir(config), { ids }), TE.mapLeft(renderReleaseFaults)),
  );
  provide(bind, tokens.IDS, [tokens.CONFIG], ({ ids }) =>
    ids._tag === "PLAIN"
      ? makePlainIds()
      : opened(
          TE.fromEither(makeN3dIds(ids.key.reveal())),
          ({ expected }) => new ConfigurationFault(`N3D_KEY: expected ${expected}`),
        ),
  );
  provide(
    bind,
    tokens.KEEP_ALIVE,
    [tokens.CONFIG],
    async ({ gateway, sendConcurrency }) => {
      if (gateway._tag === "LOG") {
        return { fetch, close: async () => {} };
      }
      const { makeKeepAliveFetch } = await import("../undici/mod.ts");
      return makeKeepAliveFetch({
        // Less than an attempt may take: who cannot be reached leaves time for the next host.
        connectMs: CONNECT_TIMEOUT_MS,
        // One for each message that may be on its way: none waits for another's answer.
        connections: sendConcurrency + CONVERSATION_TYPES.length * NOTICES_AT_ONCE,
      });
    },
    ({ close }) => close(),
  );
  provide(bind, tokens.INBOX, [], () => makeInbox());
  provide(
    bind,
    tokens.GATEWAY,
    [tokens.CONFIG, tokens.LOGGER, tokens.KEEP_ALIVE, tokens.METRICS, tokens.INBOX],
    ({ gateway }, log, { fetch }, metrics, inbox) =>
      gateway._tag === "LOG"
        ? inbox.watching(makeLogGateway(log))
        : makeRongCloudGateway({
            ...rongCloudOptions(gateway),
            fetch,
            onAttempt: onAttempt(log, metrics),
          }),
  );
  provide(
    bind,
    tokens.PROBE_GATEWAY,
    [tokens.CONFIG, tokens.KEEP_ALIVE],
    ({ gateway }, { fetch }) =>
      gateway._tag === "LOG"
        ? TE.right(undefined)
        : probeRongCloud({ ...rongCloudOptions(gateway), fetch }),
  );
};

const rongCloudOptions = ({
  hosts,
  appSecret,
  ...rest
}: Extract<Config["gateway"], { readonly _tag: "RONGCLOUD" }>): RongCloudOptions => ({
  ...rest,
  hosts: O.getOrElse(() => BEIJING_HOSTS)(hosts),
  appSecret: appSecret.reveal(),
});

const releasesDir = (config: Config): string =>
  O.getOrElse(() => sampleReleasesDir)(config.releasesDir);
