import { existsSync, readFileSync } from "node:fs";
import { posix } from "node:path";
import { type Directive, parseSync, type Statement } from "oxc-parser";
import {
  allSnippets,
  type Checked,
  checkSnippets,
  type Docstring,
  docstringsOf,
  snippetsOf,
} from "../support/snippets.ts";
import { test } from "../support/test.ts";

/** Reads a source by its name from the package's root; `undefined`: there is none. */
type ReadSource = (file: string) => string | undefined;

/** One declaration that an entry point offers: a name can be both a type and a value. */
interface Offered {
  readonly name: string;
  readonly file: string;
  readonly isValue: boolean;
  readonly doc: Docstring | undefined;
  /** Whether the example of a namespace serves for it. */
  readonly inNamespace?: boolean;
}

type Node = Statement | Directive;

interface Module {
  readonly file: string;
  readonly body: ReadonlyArray<Node>;
  readonly declared: ReadonlyArray<Offered>;
}

const namesIn = (node: Node): ReadonlyArray<{ name: string; isValue: boolean }> => {
  switch (node.type) {
    case "VariableDeclaration":
      return node.declarations.flatMap(({ id }) =>
        id.type === "Identifier" ? [{ name: id.name, isValue: true }] : [],
      );
    case "TSInterfaceDeclaration":
    case "TSTypeAliasDeclaration":
      return [{ name: node.id.name, isValue: false }];
    case "FunctionDeclaration":
    case "TSDeclareFunction":
    case "ClassDeclaration":
      return node.id === null ? [] : [{ name: node.id.name, isValue: true }];
    default:
      return [];
  }
};

const docBefore = (
  docs: ReadonlyArray<Docstring>,
  source: string,
  start: number,
): Docstring | undefined =>
  docs.find(({ end }) => end <= start && source.slice(end, start).trim() === "");

const load = (file: string, readSource: ReadSource): Module => {
  const source = readSource(file);
  if (source === undefined) {
    throw new Error(`there is no ${file}`);
  }
  const { body } = parseSync(file, source).program;
  const docs = docstringsOf(file, source);
  const declared = body.flatMap((node) => {
    const declaration = node.type === "ExportNamedDeclaration" ? node.declaration : node;
    const doc = docBefore(docs, source, node.start);
    return declaration === null
      ? []
      : namesIn(declaration).map(({ name, isValue }) => ({ name, isValue, file, doc }));
  });
  return { file, body, declared };
};

const nameIn = (node: { readonly name: string } | { readonly value: unknown }): string =>
  "name" in node ? node.name : String(node.value);

const named = (offered: ReadonlyArray<Offered>, name: string, as: string): ReadonlyArray<Offered> =>
  offered.filter((one) => one.name === name).map((one) => ({ ...one, name: as }));

const importedFrom = (
  { file, body }: Module,
  local: string,
): { from: string; name: string } | undefined => {
  for (const node of body) {
    if (node.type === "ImportDeclaration" && node.source.value.startsWith(".")) {
      for (const one of node.specifiers) {
        if (one.type === "ImportSpecifier" && one.local.name === local) {
          const from = posix.join(posix.dirname(file), node.source.value);
          return { from, name: nameIn(one.imported) };
        }
      }
    }
  }
  return undefined;
};

const offeredBy = (file: string, readSource: ReadSource): ReadonlyArray<Offered> => {
  const module = load(file, readSource);
  const follow = (specifier: string): ReadonlyArray<Offered> =>
    offeredBy(posix.join(posix.dirname(file), specifier), readSource);
  return module.body.flatMap((node): ReadonlyArray<Offered> => {
    if (node.type === "ExportAllDeclaration") {
      const offered = follow(node.source.value);
      return node.exported === null
        ? offered
        : [
            ...offered.map((one) => ({ ...one, inNamespace: true })),
            namespaceOf(posix.join(posix.dirname(file), node.source.value), readSource),
          ];
    }
    if (node.type !== "ExportNamedDeclaration") {
      return [];
    }
    if (node.declaration !== null) {
      return namesIn(node.declaration).flatMap(({ name, isValue }) =>
        module.declared.filter((one) => one.name === name && one.isValue === isValue),
      );
    }
    return node.specifiers.flatMap((one) => {
      const [local, as] = [nameIn(one.local), nameIn(one.exported)];
      const found =
        node.source === null ? ownOrImported(module, local, readSource) : follow(node.source.value);
      const typeOnly = node.exportKind === "type" || one.exportKind === "type";
      const all = named(found, local, as).filter(({ isValue }) => !(typeOnly && isValue));
      return all.length > 0 ? all : [{ name: as, file, isValue: !typeOnly, doc: undefined }];
    });
  });
};

/** A module as one value: what documents it is its first comment. */
const namespaceOf = (file: string, readSource: ReadSource): Offered => {
  const [doc] = docstringsOf(file, readSource(file) ?? "");
  return { name: posix.basename(file, ".ts"), file, isValue: true, doc };
};

const ownOrImported = (
  module: Module,
  local: string,
  readSource: ReadSource,
): ReadonlyArray<Offered> => {
  const imported = importedFrom(module, local);
  return imported === undefined
    ? module.declared
    : named(offeredBy(imported.from, readSource), imported.name, local);
};

const faultOf = ({ name, file, isValue, doc, inNamespace }: Offered): string | undefined => {
  if (doc === undefined || doc.text.trim() === "") {
    return `${file}: ${isValue ? "value" : "type"} ${name} has no docstring`;
  }
  const [, example] = doc.text.split(/^@example$/m);
  return isValue &&
    inNamespace !== true &&
    (example === undefined || snippetsOf(file, example).length === 0)
    ? `${file}: value ${name} has no @example with a ts block`
    : undefined;
};

const undocumented = (file: string, readSource: ReadSource): ReadonlyArray<string> => [
  ...new Set(
    offeredBy(file, readSource)
      .map(faultOf)
      .filter((fault) => fault !== undefined),
  ),
];

const onDisk: ReadSource = (file) => (existsSync(file) ? readFileSync(file, "utf8") : undefined);

const manifest: unknown = JSON.parse(readFileSync("package.json", "utf8"));
const published: object =
  typeof manifest === "object" &&
  manifest !== null &&
  "exports" in manifest &&
  typeof manifest.exports === "object" &&
  manifest.exports !== null
    ? manifest.exports
    : {};
const entryPoints = Object.values(published).map((built: string | { readonly default: string }) =>
  (typeof built === "string" ? built : built.default)
    .replace(/^\.\/dist\//, "")
    .replace(/\.js$/, ".ts"),
);

test("package.json exports entry points", (t) => {
  t.true(entryPoints.includes("core/mod.ts"));
});

for (const file of entryPoints) {
  test(`everything that ${file} exports is documented, each value with an example`, (t) => {
    t.deepEqual(undocumented(file, onDisk), []);
  });
}

const EXAMPLE = "/**\n * It is.\n *\n * @example\n * ```ts\n * one;\n * ```\n */\n";

for (const [what, sources, expected] of [
  ["nothing of a documented value", { "a.ts": `${EXAMPLE}export const one = 1;` }, []],
  [
    "a value without a docstring",
    { "a.ts": `${EXAMPLE}const none = 0;\nexport const one = none;` },
    ["a.ts: value one has no docstring"],
  ],
  [
    "a value without an example",
    { "a.ts": "/** It is. */\nexport function one() {}" },
    ["a.ts: value one has no @example with a ts block"],
  ],
  [
    "a type without a docstring",
    { "a.ts": "/* no docstring */ export interface One {}\n/** It is. */\nexport type Two = 2;" },
    ["a.ts: type One has no docstring"],
  ],
  [
    "what is re-exported",
    {
      "a.ts": 'export { one as uno, type One } from "./b/b.ts";\nexport * from "./b/c.ts";',
      "b/b.ts":
        'import { one } from "./c.ts";\n/** It is. */\nexport type One = 1;\nexport { one };',
      "b/c.ts": "/** It is. */\nexport const one = 1;",
    },
    [
      "b/c.ts: value uno has no @example with a ts block",
      "b/c.ts: value one has no @example with a ts block",
    ],
  ],
  [
    "the value of a name that is a type too",
    {
      "a.ts": 'export { One } from "./b.ts";',
      "b.ts": "/** It is. */\nexport type One = 1;\nexport const One = 1;",
    },
    ["b.ts: value One has no docstring"],
  ],
  [
    "what is in a namespace, and a namespace without an example",
    {
      "a.ts": 'export * as b from "./b.ts";',
      "b.ts": "/** They are. */\n\n/** It is. */\nexport const one = 1;\nexport const two = 2;",
    },
    ["b.ts: value two has no docstring", "b.ts: value b has no @example with a ts block"],
  ],
  [
    "a name that nothing declares",
    { "a.ts": 'export { one } from "./b.ts";', "b.ts": "" },
    ["a.ts: value one has no docstring"],
  ],
] as const) {
  test(`the check of docstrings reports ${what}`, (t) => {
    const files = new Map<string, string>(Object.entries(sources));
    t.deepEqual(
      undocumented("a.ts", (file) => files.get(file)),
      [...expected],
    );
  });
}

const snippets = allSnippets();
let checked: ReadonlyArray<Checked> = [];

test.before(async () => {
  checked = await checkSnippets("all", snippets);
});

test("there are snippets", (t) => {
  t.true(snippets.some(({ file }) => file === "core/mod.ts"));
});

for (const snippet of snippets) {
  const { file, line, runs } = snippet;
  test(`the snippet at ${file}:${line} ${runs ? "compiles and runs" : "compiles"}`, (t) => {
    const found = checked.find((one) => one.snippet === snippet);
    t.is(found?.types, "");
    t.is(found?.run, "");
  });
}

test("the check of snippets reports a wrong type, a failed assertion and a missing module", async (t) => {
  const text = [
    "```ts",
    "export const one: 1 = 2;",
    "```",
    "```ts no-run",
    "throw new Error('never run');",
    "```",
    "```json",
    "no code",
    "```",
    "```ts",
    'import assert from "node:assert/strict";',
    'import { CONVERSATION_TYPES } from "sealtalk-misc";',
    "assert.equal(CONVERSATION_TYPES.length, 1);",
    "```",
    "```ts",
    'import "sealtalk-misc/nothing";',
    "```",
  ].join("\n");
  const results = await checkSnippets("made-up", snippetsOf("made-up.md", text));
  const byLine = new Map(results.map((one) => [one.snippet.line, one]));
  t.deepEqual([...byLine.keys()], [2, 5, 11, 16]);
  t.regex(byLine.get(2)?.types ?? "", /error TS2322/);
  t.is(byLine.get(2)?.run, "");
  t.deepEqual([byLine.get(5)?.types, byLine.get(5)?.run], ["", ""]);
  t.is(byLine.get(11)?.types, "");
  t.regex(byLine.get(11)?.run ?? "", /AssertionError/);
  t.regex(byLine.get(16)?.types ?? "", /error TS2\d+/);
  t.regex(byLine.get(16)?.run ?? "", /ERR_PACKAGE_PATH_NOT_EXPORTED/);
});

test("a block of code that says neither ts nor ts no-run is an error", (t) => {
  for (const info of ["ts norun", "typescript", "js"]) {
    t.throws(() => snippetsOf("a.md", `\`\`\`${info}\none;\n\`\`\``), {
      message: `a.md:1 \`\`\`${info}: a block of code says ts or ts no-run`,
    });
  }
});
