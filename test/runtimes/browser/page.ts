import * as E from "fp-ts/lib/Either.js";
import * as O from "fp-ts/lib/Option.js";
import { makeMemoryPorts } from "../../../adapters/memory/mod.ts";
import { createMisc } from "../../../core/mod.ts";

/** As much of a browser as is used. */
declare const document: { title: string };

const { checkUpdate } = createMisc(makeMemoryPorts());

/** What a client of this version is to do, in a word. */
const decisionFor = async (version: string): Promise<string> => {
  const update = await checkUpdate(version)();
  return E.isLeft(update) ? update.left._tag : O.isSome(update.right) ? "update" : "keep";
};

const decisions = await Promise.all(["1.0.0", "1.0.2", "abc"].map(decisionFor));
document.title = decisions.join(" ");
