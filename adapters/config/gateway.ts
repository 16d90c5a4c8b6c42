import { sequenceS } from "fp-ts/lib/Apply.js";
import * as E from "fp-ts/lib/Either.js";
import { pipe } from "fp-ts/lib/function.js";
import * as O from "fp-ts/lib/Option.js";
import { BaseUrls, Count, oneOf, Switch } from "./codecs.ts";
import {
  bothOrNeither,
  type ConfigChecks,
  type Env,
  faulty,
  isProduction,
  isSet,
  optional,
  type Read,
  type Secret,
  secret,
  sideBySide,
  withDefault,
} from "./variables.ts";

/** Where messages go. */
export type GatewayConfig =
  | {
      readonly _tag: "RONGCLOUD";
      readonly appKey: string;
      readonly appSecret: Secret;
      /** Base URLs without a slash at the end, to be tried in turn. None: RongCloud's in Beijing. */
      readonly hosts: O.Option<ReadonlyArray<string>>;
      /** What RongCloud takes from the application. */
      readonly privatePerMinute: number;
      readonly groupPerSecond: number;
      /** Whether RongCloud refuses a repeat of a message. */
      readonly msgRandom: boolean;
    }
  | { readonly _tag: "LOG" };

const APP_KEY = "RONGCLOUD_APP_KEY";
const APP_SECRET = "RONGCLOUD_APP_SECRET";

const readGatewayKind = (env: Env, { serving }: ConfigChecks): Read<GatewayConfig["_tag"]> =>
  pipe(
    optional(env, "MESSAGE_GATEWAY", oneOf(["rongcloud", "log"])),
    E.chain((asked) => {
      if (O.isSome(asked) && asked.value === "log") {
        return E.right("LOG");
      }
      if (isSet(env, APP_KEY) || isSet(env, APP_SECRET)) {
        return E.right("RONGCLOUD");
      }
      if (O.isSome(asked)) {
        return faulty("MESSAGE_GATEWAY", `expected ${APP_KEY} and ${APP_SECRET} to be set with it`);
      }
      return serving && isProduction(env)
        ? faulty(
            APP_KEY,
            `expected to be set in production, with ${APP_SECRET}, unless MESSAGE_GATEWAY says log`,
          )
        : E.right("LOG");
    }),
  );

export const readGateway = (env: Env, checks: ConfigChecks): Read<GatewayConfig> =>
  pipe(
    sequenceS(sideBySide)({
      keys: bothOrNeither(env, APP_KEY, APP_SECRET),
      kind: readGatewayKind(env, checks),
      hosts: optional(env, "RONGCLOUD_API", BaseUrls),
      privatePerMinute: withDefault(env, "RONGCLOUD_PRIVATE_PER_MINUTE", Count, 6_000),
      groupPerSecond: withDefault(env, "RONGCLOUD_GROUP_PER_SECOND", Count, 20),
      msgRandom: withDefault(env, "RONGCLOUD_MSG_RANDOM", Switch, false),
    }),
    E.map(
      ({ keys, kind, ...rest }): GatewayConfig =>
        kind === "RONGCLOUD" && O.isSome(keys)
          ? { _tag: kind, appKey: keys.value.first, appSecret: secret(keys.value.second), ...rest }
          : { _tag: "LOG" },
    ),
  );
