import { existsSync, readdirSync, readFileSync } from "node:fs";
import { posix } from "node:path";
import * as E from "fp-ts/lib/Either.js";
import { pipe } from "fp-ts/lib/function.js";
import * as J from "fp-ts/lib/Json.js";
import * as TE from "fp-ts/lib/TaskEither.js";
import * as t from "io-ts";
import { parseSync, Visitor } from "oxc-parser";
import { decode } from "../../core/domain/decode.ts";
import { succeed } from "../contract/expect.ts";
import { test } from "../support/test.ts";

// Who may import whom. What is not listed is forbidden; a folder that is not listed imports nothing.
const CORE: Readonly<Record<string, ReadonlyArray<string>>> = {
  "core/domain": ["core/domain", "fp-ts", "io-ts", "semver"],
  "core/ports": ["core/domain", "types of fp-ts"],
  "core/usecases": ["core/domain", "core/ports", "core/usecases", "fp-ts"],
  "core/mod.ts": ["core/domain", "core/ports", "core/usecases", "types of fp-ts"],
};

// Every adapter may import the core, its own folder, fp-ts and io-ts. Beyond that:
const ADAPTERS: Readonly<Record<string, ReadonlyArray<string>>> = {
  "adapters/cache": ["lru-cache"],
  "adapters/cli": [
    "node:",
    "adapters/inversify",
    "@bomb.sh/tab",
    "cli-progress",
    "cli-table3",
    "commander",
    "csv-parse",
    "inversify",
  ],
  "adapters/config": [],
  "adapters/console": ["node:", "adapters/http"],
  "adapters/fetch": ["adapters/http"],
  "adapters/file": ["node:", "chokidar"],
  "adapters/hapi": ["node:", "@hapi/hapi", "proxy-addr", "adapters/http"],
  "adapters/http": ["adapters/session"],
  "adapters/ids": [],
  "adapters/inversify": ["node:", "inversify", "adapters"],
  "adapters/logging": ["pino", "pino-pretty"],
  "adapters/memory": [],
  "adapters/metrics": ["prom-client"],
  "adapters/mysql": ["node:", "mysql2"],
  "adapters/openapi": ["node:", "yaml", "adapters/http"],
  "adapters/rate-limit": ["rate-limiter-flexible"],
  "adapters/redis": ["node:", "cluster-key-slot", "ioredis"],
  "adapters/relay": [],
  "adapters/rongcloud": [],
  "adapters/session": ["jose", "cookie", "lru-cache"],
  "adapters/sqlite": ["node:", "@photostructure/sqlite"],
  "adapters/tracing": ["@opentelemetry"],
  "adapters/undici": ["undici"],
};

// The contracts are published, for any test runner: they import none, and nothing of other tests.
const CONTRACTS = ["adapters/memory", "adapters/session", "node:assert/strict", "node:crypto"];

// Node prints its warning about SQLite unless `process.emitWarning` is replaced for a moment.
const MENTION_PROCESS = ["adapters/sqlite/driver.ts"];

const OF_THE_HOST = ["process", "Buffer", "setTimeout", "setInterval", "setImmediate"];

interface Import {
  readonly specifier: string;
  readonly typeOnly: boolean;
  readonly start: number;
}

interface Mention {
  readonly name: string;
  readonly start: number;
}

interface Source {
  readonly imports: ReadonlyArray<Import>;
  readonly reexports: ReadonlyArray<Import>;
  readonly mentions: ReadonlyArray<Mention>;
}

const UNREADABLE = "what only running it tells";

const isType = (kind: string | null | undefined): boolean => kind === "type";

const read = (file: string, text: string): Source => {
  const { program, errors } = parseSync(file, text);
  const [error] = errors;
  if (error !== undefined) {
    throw new Error(`${file}: ${error.message}`);
  }
  const imports: Import[] = [];
  const reexports: Import[] = [];
  const mentions: Mention[] = [];
  const add = (specifier: string, typeOnly: boolean, start: number): Import => {
    const found = { specifier, typeOnly, start };
    imports.push(found);
    return found;
  };
  new Visitor({
    ImportDeclaration: ({ source, importKind, specifiers, start }) => {
      const allTypes =
        specifiers.length > 0 &&
        specifiers.every((one) => one.type === "ImportSpecifier" && isType(one.importKind));
      add(source.value, isType(importKind) || allTypes, start);
    },
    ExportNamedDeclaration: ({ source, exportKind, specifiers, start }) => {
      if (source !== null) {
        const allTypes = specifiers.length > 0 && specifiers.every((s) => isType(s.exportKind));
        reexports.push(add(source.value, isType(exportKind) || allTypes, start));
      }
    },
    ExportAllDeclaration: ({ source, exportKind, start }) => {
      reexports.push(add(source.value, isType(exportKind), start));
    },
    ImportExpression: ({ source, start }) => {
      const literal = source.type === "Literal" && typeof source.value === "string";
      add(literal ? String(source.value) : UNREADABLE, false, start);
    },
    TSImportType: ({ source, start }) => {
      add(source.value, true, start);
    },
    TSExternalModuleReference: ({ expression, start }) => {
      add(expression.value, false, start);
    },
    Identifier: ({ name, start }) => {
      mentions.push({ name, start });
    },
    MemberExpression: ({ property, computed, start }) => {
      if (computed && property.type === "Literal") {
        mentions.push({ name: String(property.value), start });
      }
    },
  }).visit(program);
  return { imports, reexports, mentions };
};

const isWithin = (path: string, folder: string): boolean =>
  path === folder || path.startsWith(`${folder}/`);

const partOf = (file: string): string => {
  const [top = "", folder = ""] = file.split("/");
  return top === "test" && folder !== "contract" ? "test" : `${top}/${folder}`;
};

const allowedIn = (part: string): ReadonlyArray<string> | undefined => {
  const adapter = part === "test/contract" ? CONTRACTS : ADAPTERS[part];
  return adapter === undefined ? CORE[part] : ["core/mod.ts", part, "fp-ts", "io-ts", ...adapter];
};

const isRelative = (specifier: string): boolean => /^\.\.?(\/|$)/.test(specifier);

const targetOf = (file: string, specifier: string): string =>
  isRelative(specifier) ? posix.join(posix.dirname(file), specifier) : specifier;

const permits = (entry: string, target: string, typeOnly: boolean): boolean => {
  const [, name] = /^types of (.+)$/.exec(entry) ?? [];
  if (name !== undefined) {
    return typeOnly && isWithin(target, name);
  }
  return entry.endsWith(":") ? target.startsWith(entry) : isWithin(target, entry);
};

const faultOfImport = (file: string, { specifier, typeOnly }: Import): string | undefined => {
  const part = partOf(file);
  const target = targetOf(file, specifier);
  if (isRelative(specifier) && !specifier.endsWith(".ts")) {
    return "a relative import ends in .ts";
  }
  if (isWithin(target, "fp-ts") && !/^fp-ts\/lib\/\w+\.js$/.test(target)) {
    return "fp-ts is imported as fp-ts/lib/X.js";
  }
  if (target === "node:process" && part !== "test" && part !== "adapters/cli") {
    return "process is for adapters/cli alone";
  }
  const allowed = allowedIn(part);
  if (part === "test" || allowed?.some((entry) => permits(entry, target, typeOnly))) {
    return undefined;
  }
  return allowed === undefined
    ? `${part} is in no table of architecture.test.ts`
    : `${part} may import only ${allowed.join(", ")}`;
};

const faultOfMention = (file: string, name: string): string | undefined => {
  if (isWithin(file, "core") && OF_THE_HOST.includes(name)) {
    return "core runs without a host";
  }
  return name === "process" &&
    isWithin(file, "adapters") &&
    partOf(file) !== "adapters/cli" &&
    !MENTION_PROCESS.includes(file)
    ? "process is for adapters/cli alone"
    : undefined;
};

const faults = (file: string, text: string): ReadonlyArray<string> => {
  const { imports, reexports, mentions } = read(file, text);
  const say = (start: number, what: string, rule: string | undefined): ReadonlyArray<string> =>
    rule === undefined
      ? []
      : [`${file}:${text.slice(0, start).split("\n").length} ${what}: ${rule}`];
  return [
    ...imports.flatMap((found) =>
      say(found.start, `imports ${found.specifier}`, faultOfImport(file, found)),
    ),
    ...(isWithin(file, "core") && file !== "core/mod.ts" ? reexports : []).flatMap((found) =>
      say(found.start, `re-exports ${found.specifier}`, "in core only core/mod.ts re-exports"),
    ),
    ...mentions.flatMap(({ name, start }) =>
      say(start, `mentions ${name}`, faultOfMention(file, name)),
    ),
  ];
};

const sources = ["core", "adapters", "test"].flatMap((folder) =>
  readdirSync(folder, { recursive: true, encoding: "utf8" })
    .map((name) => posix.join(folder, name.replaceAll("\\", "/")))
    .filter((name) => /\.[cm]?tsx?$/.test(name)),
);

test("every source imports and mentions only what it may", (t) => {
  t.true(sources.includes("core/mod.ts") && sources.includes("test/unit/architecture.test.ts"));
  t.deepEqual(
    sources.flatMap((file) => faults(file, readFileSync(file, "utf8"))),
    [],
  );
});

for (const [file, text, expected] of [
  [
    "core/domain/a.ts",
    'import { pipe } from "fp-ts/lib/function.js";\nimport type { Outbox } from "../ports/outbox.ts";',
    [
      "core/domain/a.ts:2 imports ../ports/outbox.ts: core/domain may import only core/domain, fp-ts, io-ts, semver",
    ],
  ],
  [
    "core/ports/a.ts",
    'import { none } from "fp-ts/lib/Option.js";',
    [
      "core/ports/a.ts:1 imports fp-ts/lib/Option.js: core/ports may import only core/domain, types of fp-ts",
    ],
  ],
  [
    "core/usecases/a.ts",
    'export * from "../domain/errors.ts";',
    ["core/usecases/a.ts:1 re-exports ../domain/errors.ts: in core only core/mod.ts re-exports"],
  ],
  [
    "core/domain/a.ts",
    'type Q = import("semver").SemVer;\ntype P = import("pino").Logger;',
    [
      "core/domain/a.ts:2 imports pino: core/domain may import only core/domain, fp-ts, io-ts, semver",
    ],
  ],
  [
    "core/mod.ts",
    'export { makeMemoryPorts } from "../adapters/memory/mod.ts";',
    [
      "core/mod.ts:1 imports ../adapters/memory/mod.ts: core/mod.ts may import only core/domain, core/ports, core/usecases, types of fp-ts",
    ],
  ],
  [
    "core/domain/a.ts",
    "export const later = () => globalThis.setTimeout(() => globalThis['process'], 1);",
    [
      "core/domain/a.ts:1 mentions setTimeout: core runs without a host",
      "core/domain/a.ts:1 mentions process: core runs without a host",
    ],
  ],
  [
    "adapters/ids/a.ts",
    'const { makeMemory } = await import("../memory/mod.ts");\nawait import(makeMemory);',
    [
      "adapters/ids/a.ts:1 imports ../memory/mod.ts: adapters/ids may import only core/mod.ts, adapters/ids, fp-ts, io-ts",
      "adapters/ids/a.ts:2 imports what only running it tells: adapters/ids may import only core/mod.ts, adapters/ids, fp-ts, io-ts",
    ],
  ],
  [
    "adapters/ids/a.ts",
    'import { Id } from "../../core/domain/identity.ts";',
    [
      "adapters/ids/a.ts:1 imports ../../core/domain/identity.ts: adapters/ids may import only core/mod.ts, adapters/ids, fp-ts, io-ts",
    ],
  ],
  [
    "adapters/config/a.ts",
    'import { readFileSync } from "node:fs";',
    [
      "adapters/config/a.ts:1 imports node:fs: adapters/config may import only core/mod.ts, adapters/config, fp-ts, io-ts",
    ],
  ],
  [
    "adapters/sqlite/a.ts",
    'import { env } from "node:process";\nexport const home = process.env["HOME"] ?? env;',
    [
      "adapters/sqlite/a.ts:1 imports node:process: process is for adapters/cli alone",
      "adapters/sqlite/a.ts:2 mentions process: process is for adapters/cli alone",
    ],
  ],
  [
    "adapters/hapi/a.ts",
    'import { Container } from "inversify";\nimport type { open } from "../../test/support/x.ts";',
    [
      "adapters/hapi/a.ts:1 imports inversify: adapters/hapi may import only core/mod.ts, adapters/hapi, fp-ts, io-ts, node:, @hapi/hapi, proxy-addr, adapters/http",
      "adapters/hapi/a.ts:2 imports ../../test/support/x.ts: adapters/hapi may import only core/mod.ts, adapters/hapi, fp-ts, io-ts, node:, @hapi/hapi, proxy-addr, adapters/http",
    ],
  ],
  [
    "adapters/novel/a.ts",
    'import { Id } from "../../core/mod.ts";',
    [
      "adapters/novel/a.ts:1 imports ../../core/mod.ts: adapters/novel is in no table of architecture.test.ts",
    ],
  ],
  [
    "test/unit/a.test.ts",
    'import * as E from "fp-ts/Either";\nimport "../support/expect.js";\nimport "fp-ts";',
    [
      "test/unit/a.test.ts:1 imports fp-ts/Either: fp-ts is imported as fp-ts/lib/X.js",
      "test/unit/a.test.ts:2 imports ../support/expect.js: a relative import ends in .ts",
      "test/unit/a.test.ts:3 imports fp-ts: fp-ts is imported as fp-ts/lib/X.js",
    ],
  ],
  [
    "test/contract/a.ts",
    'import test from "ava";\nimport { until } from "../support/until.ts";',
    [
      "test/contract/a.ts:1 imports ava: test/contract may import only core/mod.ts, test/contract, fp-ts, io-ts, adapters/memory, adapters/session, node:assert/strict, node:crypto",
      "test/contract/a.ts:2 imports ../support/until.ts: test/contract may import only core/mod.ts, test/contract, fp-ts, io-ts, adapters/memory, adapters/session, node:assert/strict, node:crypto",
    ],
  ],
  [
    "adapters/inversify/a.ts",
    'import { makeSessions } from "../session/mod.ts";\nimport { Container } from "inversify";',
    [],
  ],
  [
    "adapters/cli/a.ts",
    'import { argv } from "node:process";\nexport const env = [argv, process.env];',
    [],
  ],
  ["core/ports/a.ts", 'import { type Option } from "fp-ts/lib/Option.js";', []],
] as const) {
  const [first = "nothing"] = expected;
  test(`a made-up ${file} is told: ${first}`, (t) => {
    t.deepEqual(faults(file, text), [...expected]);
  });
}

const strings = t.record(t.string, t.string);

const PackageJson = t.type({
  version: t.string,
  exports: t.record(t.string, t.union([t.string, t.type({ default: t.string })])),
  dependencies: strings,
  peerDependencies: strings,
  peerDependenciesMeta: t.record(t.string, t.type({ optional: t.boolean })),
});

const readJson = <A>(file: string, codec: t.Decoder<unknown, A>): Promise<A> =>
  succeed(
    TE.fromEither(
      pipe(
        J.parse(readFileSync(file, "utf8")),
        E.mapLeft((fault) => ({ _tag: "NO_JSON", fault })),
        E.chainW(decode(codec, file)),
      ),
    ),
  );

const manifest = await readJson("package.json", PackageJson);
const exported = Object.entries(manifest.exports).map(
  ([name, built]) => [name, typeof built === "string" ? built : built.default] as const,
);
const deno = await readJson(
  "deno.json",
  t.type({ version: t.string, exports: strings, imports: strings }),
);

const sourceOf = (built: string): string =>
  built.replace(/^\.\/dist\//, "./").replace(/\.js$/, ".ts");

test("package.json and deno.json export the same files under the same names", (t) => {
  t.deepEqual(
    exported.map(([name, built]) => [name, sourceOf(built)]),
    Object.entries(deno.exports),
  );
  t.true(exported.every(([, built]) => built.startsWith("./dist/")));
});

for (const [name, built] of exported) {
  test(`the export ${name} has a source, and a module and its types once built`, (t) => {
    const files = [sourceOf(built), built, built.replace(/\.js$/, ".d.ts")];
    t.deepEqual(
      files.filter((file) => !existsSync(file)),
      [],
    );
  });
}

test("deno.json takes the same versions of the same packages as package.json", (t) => {
  const ranges = { ...manifest.dependencies, ...manifest.peerDependencies };
  t.deepEqual(
    deno.imports,
    Object.fromEntries(
      Object.entries(ranges).map(([name, range]) => [name, `npm:${name}@${range}`]),
    ),
  );
});

test("deno.json and package.json are of one version", (t) => {
  t.is(deno.version, manifest.version);
});

test("what package.json calls an optional peer is a peer, and no dependency", (t) => {
  const optional = Object.keys(manifest.peerDependenciesMeta);
  t.true(optional.length > 0);
  t.deepEqual(
    optional.filter((name) => name in manifest.dependencies),
    [],
  );
  t.deepEqual(
    optional.filter((name) => !(name in manifest.peerDependencies)),
    [],
  );
});

test("every peer of package.json is optional", (t) => {
  t.deepEqual(
    Object.keys(manifest.peerDependencies).filter(
      (name) => manifest.peerDependenciesMeta[name]?.optional !== true,
    ),
    [],
  );
});
