import { type ExecFileException, execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import * as TE from "fp-ts/lib/TaskEither.js";
import * as t from "io-ts";
import { decode } from "../../core/domain/decode.ts";
import { succeed } from "../contract/expect.ts";

/** What a program that has ended printed, and whether it failed. */
export interface Output {
  readonly failed: boolean;
  readonly text: string;
}

/** Runs a program to its end in a folder. */
export const run = (
  cwd: string,
  program: string,
  ...args: ReadonlyArray<string>
): Promise<Output> =>
  new Promise((done) => {
    const report = (fault: ExecFileException | null, stdout: string, stderr: string): void =>
      done({ failed: fault !== null, text: `${stdout}${stderr}` });
    execFile(program, [...args], { cwd, maxBuffer: 2 ** 26 }, report);
  });

const insist = async (running: Promise<Output>): Promise<string> => {
  const { failed, text } = await running;
  if (failed) {
    throw new Error(text);
  }
  return text;
};

/** The package's manifest, as far as tests care. */
export interface Manifest {
  readonly exports: Readonly<Record<string, unknown>>;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly peerDependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
}

const Manifest: t.Decoder<unknown, Manifest> = t.type({
  exports: t.record(t.string, t.unknown),
  dependencies: t.record(t.string, t.string),
  peerDependencies: t.record(t.string, t.string),
  devDependencies: t.record(t.string, t.string),
});

/** Reads the package's manifest. */
export const readManifest = async (): Promise<Manifest> =>
  succeed(
    TE.fromEither(
      decode(Manifest, "package.json")(JSON.parse(await readFile("package.json", "utf8"))),
    ),
  );

/** What docs/embedding.md says of a subpath: what is installed with it, and whose types it needs. */
export interface Subpath {
  readonly name: string;
  readonly packages: ReadonlyArray<string>;
  /** `DOM` for the compiler's own types of a browser, or packages. */
  readonly types: ReadonlyArray<string>;
}

const namesIn = (column: string): ReadonlyArray<string> =>
  [...column.matchAll(/`([^`]+)`/g)].flatMap(([, name = ""]) => name);

/** The table of subpaths in docs/embedding.md. */
export const readSubpaths = async (): Promise<ReadonlyArray<Subpath>> =>
  [
    ...(await readFile("docs/embedding.md", "utf8")).matchAll(
      /^\| `sealtalk-misc(\/[\w-]+)?` \|[^|]*\| ([^|]*) \| ([^|]*) \|$/gm,
    ),
  ].map(([, path = "", packages = "", types = ""]) => ({
    name: `sealtalk-misc${path}`,
    packages: namesIn(packages),
    types: namesIn(types),
  }));

/** Packs what is built, as it would be published, and names the file. */
export const packPackage = async (dir: string): Promise<string> => {
  const printed = await insist(
    run(".", "npm", "pack", "--ignore-scripts", "--silent", "--pack-destination", dir),
  );
  return join(dir, printed.trim().split("\n").at(-1) ?? "");
};

/** Makes a project in a new folder and installs the tarball in it, with packages as they are used here. */
export const makeProject = async (
  project: string,
  tarball: string,
  packages: ReadonlyArray<string>,
): Promise<void> => {
  const { devDependencies, peerDependencies } = await readManifest();
  const ranges: Readonly<Record<string, string>> = { ...devDependencies, ...peerDependencies };
  await mkdir(project);
  await writeFile(join(project, "package.json"), '{"type":"module"}');
  await insist(
    run(
      project,
      "npm",
      ...["install", "--prefer-offline", "--no-audit", "--no-fund", "--loglevel=error", tarball],
      ...packages.map((one) => `${one}@${ranges[one]}`),
    ),
  );
};

interface Needs {
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

const Lock: t.Decoder<unknown, { readonly packages: Readonly<Record<string, Needs>> }> = t.type({
  packages: t.record(
    t.string,
    t.partial({
      dependencies: t.record(t.string, t.string),
      optionalDependencies: t.record(t.string, t.string),
    }),
  ),
});

/** These packages, and what they need and is here, as package-lock.json has it. */
const closureOf = async (packages: ReadonlyArray<string>): Promise<ReadonlySet<string>> => {
  const lock: unknown = JSON.parse(await readFile("package-lock.json", "utf8"));
  const { packages: locked } = await succeed(
    TE.fromEither(decode(Lock, "package-lock.json")(lock)),
  );
  const found = new Set(packages);
  for (const one of found) {
    const { dependencies = {}, optionalDependencies = {} } = locked[`node_modules/${one}`] ?? {};
    for (const needed of Object.keys({ ...dependencies, ...optionalDependencies })) {
      if (existsSync(join("node_modules", needed))) {
        found.add(needed);
      }
    }
  }
  return found;
};

/**
 * The same without a registry: the tarball is unpacked, and the packages are copied from here, at
 * the versions of the lock file. Nothing else can be found from there.
 */
export const unpackProject = async (
  project: string,
  tarball: string,
  packages: ReadonlyArray<string>,
): Promise<void> => {
  const { dependencies } = await readManifest();
  const into = join(project, "node_modules");
  const unpacked = join(into, "sealtalk-misc");
  await mkdir(unpacked, { recursive: true });
  await writeFile(join(project, "package.json"), '{"type":"module"}');
  await insist(run(".", "tar", "-xzf", tarball, "-C", unpacked, "--strip-components=1"));
  for (const one of await closureOf([...Object.keys(dependencies), ...packages])) {
    await mkdir(dirname(join(into, one)), { recursive: true });
    await insist(run(".", "cp", "-R", join("node_modules", one), join(into, one)));
  }
};
