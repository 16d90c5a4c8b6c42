/**
 * Watching files by every step of the way to them, so that it is seen when a symbolic link or a
 * folder on that way is exchanged, and not only when the files are.
 *
 * @module
 */
import { lstat, readlink } from "node:fs/promises";
import { basename, isAbsolute, join, parse, sep } from "node:path";
import { watch as chokidar, type FSWatcher } from "chokidar";
import * as O from "fp-ts/lib/Option.js";
import * as t from "io-ts";
import { errorCode } from "./read-releases.ts";

interface Way {
  /** Every folder, link and file that is passed, links followed. */
  readonly steps: ReadonlySet<string>;
  /** The folders among them, which are the ones to watch. */
  readonly folders: ReadonlySet<string>;
}

/** Files that are being watched. */
export interface Watched {
  /** Puts the watch on the way to the files as it is now, if it has changed. */
  readonly follow: () => Promise<void>;
  /** Why the files cannot be watched, if they cannot. */
  readonly fault: () => O.Option<string>;
  readonly close: () => Promise<void>;
}

const MOST_LINKS = 40;
const SEPARATORS = sep === "/" ? "/" : /[\\/]/;

const namesIn = (path: string): ReadonlyArray<string> =>
  path
    .slice(parse(path).root.length)
    .split(SEPARATORS)
    .filter((name) => name !== "" && name !== ".");

type Step =
  | { readonly _tag: "REAL" | "MISSING" | "HIDDEN" }
  | { readonly _tag: "LINK"; readonly to: string };

// What Deno answers to a program that was not allowed to read there.
const isHidden = (fault: unknown): boolean => fault instanceof Error && fault.name === "NotCapable";

const look = async (path: string): Promise<Step> => {
  try {
    return (await lstat(path)).isSymbolicLink()
      ? { _tag: "LINK", to: await readlink(path) }
      : { _tag: "REAL" };
  } catch (fault) {
    return { _tag: isHidden(fault) ? "HIDDEN" : "MISSING" };
  }
};

const addWay = async (path: string, steps: Set<string>, folders: Set<string>): Promise<void> => {
  let at = parse(path).root;
  let names = namesIn(path);
  let links = 0;
  const hidden = new Set<string>();
  while (names.length > 0 && links <= MOST_LINKS) {
    const [name = "", ...rest] = names;
    const path = join(at, name);
    const step = await look(path);
    if (step._tag === "HIDDEN") {
      hidden.add(path);
    } else if (!hidden.has(at)) {
      folders.add(at);
      steps.add(path);
    }
    if (step._tag === "MISSING") {
      return;
    }
    if (step._tag === "LINK") {
      links += 1;
      at = isAbsolute(step.to) ? parse(step.to).root : at;
      names = [...namesIn(step.to), ...rest];
    } else {
      at = path;
      names = rest;
    }
  }
};

const wayTo = async (files: ReadonlyArray<string>): Promise<Way> => {
  const steps = new Set<string>();
  const folders = new Set<string>();
  for (const file of files) {
    await addWay(file, steps, folders);
  }
  return { steps, folders };
};

const isSame = (a: Way, b: Way): boolean => [...a.steps].join("\0") === [...b.steps].join("\0");

const FromFolder = t.type({ watchedPath: t.string });

// chokidar cannot watch a root: it takes the root for a child of its own that is gone.
const watchable = ({ folders }: Way): string[] =>
  [...folders].filter((folder) => folder !== parse(folder).root);

const slashed = (path: string): string => path.replaceAll("\\", "/");

const openWatcher = (way: Way): FSWatcher => {
  const wanted = new Set([...way.steps, ...way.folders].map(slashed));
  return chokidar(watchable(way), {
    depth: 0,
    followSymlinks: false,
    ignored: (path) => !wanted.has(slashed(path)),
    ignoreInitial: true,
    ignorePermissionErrors: true,
    atomic: false,
  });
};

// An event of a folder names what changed in it, or the folder itself; one of a poll, its path.
const concerns = ({ steps }: Way, name: string | null, details: unknown): boolean =>
  name === null ||
  !FromFolder.is(details) ||
  steps.has(join(details.watchedPath, name)) ||
  basename(details.watchedPath) === name;

/**
 * Watches files, and calls `onChange` when something may have happened to them or on the way to
 * them: too often rather than too seldom. It takes chokidar's raw events, as the others are thinned
 * out by time and by modification date, and a change back to an older file is lost among them.
 */
export const watchFiles = (
  files: ReadonlyArray<string>,
  { onChange, onFault }: { readonly onChange: () => void; readonly onFault: () => void },
): Watched => {
  let watcher: FSWatcher | undefined;
  let armed: Way | undefined;
  let fault: O.Option<string> = O.none;

  const disarm = async (): Promise<void> => {
    const last = watcher;
    watcher = undefined;
    armed = undefined;
    await last?.close();
    last?.on("error", () => {});
  };

  const arm = async (way: Way): Promise<void> => {
    await disarm();
    if (watchable(way).length === 0) {
      // chokidar is never ready with nothing, and what is to appear in the root is looked for again.
      fault = O.some("ENOENT");
      onFault();
      return;
    }
    fault = O.none;
    armed = way;
    const opened = openWatcher(way);
    watcher = opened;
    await new Promise<void>((resolve) => {
      opened.once("ready", resolve);
      opened.on("raw", (event, name, details: unknown) => {
        if (watcher !== opened || !concerns(way, name, details)) {
          return;
        }
        if (event === "rename") {
          // What has this name now may be something else than what is watched.
          armed = undefined;
          resolve();
        }
        onChange();
      });
      opened.on("error", (error) => {
        fault = O.some(errorCode(error));
        armed = undefined;
        resolve();
        onFault();
      });
    });
  };

  return {
    follow: async () => {
      const way = await wayTo(files);
      if (armed !== undefined && isSame(armed, way)) {
        return;
      }
      await arm(way);
      if (!isSame(way, await wayTo(files))) {
        onChange();
      }
    },
    fault: () => fault,
    close: disarm,
  };
};
