import assert from "node:assert/strict";
import {
  linkSync,
  mkdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { basename, join } from "node:path";
import { setImmediate } from "node:timers/promises";
import * as E from "fp-ts/lib/Either.js";
import {
  type FileVersionSource,
  openFileVersionSource,
  readReleases,
  renderReleaseFaults,
  sampleReleasesDir,
} from "../../adapters/file/mod.ts";
import { makeN3dIds } from "../../adapters/ids/mod.ts";
import type { Releases } from "../../core/mod.ts";
import { fail, succeed } from "../contract/expect.ts";
import { testCases } from "../support/contract.ts";
import { fileCases, Log, makeFolder, pair, write } from "../support/subjects/files.ts";
import { type ExecutionContext, test } from "../support/test.ts";

// As a deploy script does: a name never stands for half a thing.
const renameInto = (path: string, create: (path: string) => void): void => {
  create(`${path}.new`);
  renameSync(`${path}.new`, path);
};

const relink = (path: string, target: string): void =>
  renameInto(path, (made) => symlinkSync(target, made));

interface Stage extends FileVersionSource {
  /** A folder of the test's own. */
  readonly root: string;
  readonly dir: string;
  readonly log: Log;
}

const stage = async (
  t: ExecutionContext,
  prepare: (root: string) => string = (root) => {
    write(join(root, "releases"), pair("1.0.0"));
    return join(root, "releases");
  },
): Promise<Stage> => {
  const root = makeFolder();
  const dir = prepare(root);
  const log = new Log();
  const opened = await succeed(openFileVersionSource({ dir, onReload: log.onReload }));
  t.teardown(async () => {
    await opened.close();
    rmSync(root, { recursive: true });
  });
  return { ...opened, root, dir, log };
};

testCases(fileCases);

test("openFileVersionSource() sees files edited in place, and never the half of one", async (t) => {
  const { dir, log } = await stage(t);
  const text = JSON.stringify(pair("1.0.1").desktop);
  writeFileSync(join(dir, "desktop.json"), text.slice(0, 20));
  writeFileSync(join(dir, "desktop.json"), text.slice(20), { flag: "a" });
  writeFileSync(join(dir, "mobile.json"), JSON.stringify(pair("1.0.1").mobile));
  writeFileSync(join(dir, "demo_square.json"), JSON.stringify(pair("1.0.1").demoSquare));
  t.is(await log.nextVersion(), "1.0.1");
  t.is(log.all.length, 1);
});

test("openFileVersionSource() sees files replaced by rename, again and again", async (t) => {
  const { dir, log } = await stage(t);
  for (const version of ["1.0.1", "1.0.2", "1.0.3"]) {
    const { desktop, mobile, demoSquare } = pair(version);
    renameInto(join(dir, "desktop.json"), (file) => writeFileSync(file, JSON.stringify(desktop)));
    renameInto(join(dir, "mobile.json"), (file) => writeFileSync(file, JSON.stringify(mobile)));
    renameInto(join(dir, "demo_square.json"), (file) =>
      writeFileSync(file, JSON.stringify(demoSquare)),
    );
    t.is(await log.nextVersion(), version);
  }
});

test("openFileVersionSource() keeps the last pair while a file is gone, and is mended by its return", async (t) => {
  const { dir, log, source } = await stage(t);
  const before = await succeed(source.current());
  linkSync(join(dir, "desktop.json"), join(dir, "kept"));
  unlinkSync(join(dir, "desktop.json"));
  const text = `${join(dir, "desktop.json")}: file: expected one that can be read (ENOENT)`;
  t.is(await log.nextFault(), text);
  t.is(await succeed(source.current()), before);
  t.deepEqual(await fail(source.ready()), { _tag: "VERSIONS_UNAVAILABLE", cause: text });
  renameSync(join(dir, "kept"), join(dir, "desktop.json"));
  t.is(await log.nextVersion(), "1.0.0");
  t.is(await succeed(source.current()), before);
  t.is(await succeed(source.ready()), undefined);
});

test("openFileVersionSource() sees the swap of a ConfigMap's ..data link", async (t) => {
  const { root, log } = await stage(t, (root) => {
    write(join(root, "..2026_01"), pair("1.0.0"));
    symlinkSync("..2026_01", join(root, "..data"));
    symlinkSync("..data/desktop.json", join(root, "desktop.json"));
    symlinkSync("..data/mobile.json", join(root, "mobile.json"));
    symlinkSync("..data/demo_square.json", join(root, "demo_square.json"));
    return root;
  });
  for (const [before, after, version] of [
    ["..2026_01", "..2026_02", "1.0.1"],
    ["..2026_02", "..2026_03", "1.0.2"],
  ] as const) {
    write(join(root, after), pair(version));
    relink(join(root, "..data"), after);
    rmSync(join(root, before), { recursive: true });
    t.is(await log.nextVersion(), version);
  }
  t.is(log.all.length, 2);
});

test("openFileVersionSource() sees its folder's link swapped, also to files of an older date", async (t) => {
  const { root, log } = await stage(t, (root) => {
    write(join(root, "v1"), pair("1.0.1"));
    write(join(root, "v2"), pair("1.0.2"));
    for (const file of ["v1/desktop.json", "v1/mobile.json", "v1/demo_square.json"]) {
      utimesSync(join(root, file), 1, 1);
    }
    symlinkSync("v2", join(root, "current"));
    return join(root, "current");
  });
  for (const [target, version] of [
    ["v1", "1.0.1"],
    [join(root, "v2"), "1.0.2"],
    [`../${basename(root)}/./v1`, "1.0.1"],
  ] as const) {
    relink(join(root, "current"), target);
    t.is(await log.nextVersion(), version);
  }
  write(join(root, "v1"), pair("1.0.3"));
  t.is(await log.nextVersion(), "1.0.3");
});

test("openFileVersionSource() sees a link swapped above its folder", async (t) => {
  const { root, log } = await stage(t, (root) => {
    write(join(root, "app-1/etc/releases"), pair("1.0.1"));
    write(join(root, "app-2/etc/releases"), pair("1.0.2"));
    symlinkSync("app-1", join(root, "app"));
    return join(root, "app/etc/releases");
  });
  relink(join(root, "app"), "app-2");
  t.is(await log.nextVersion(), "1.0.2");
});

test("openFileVersionSource() sees its folder removed and made anew, and what is then done in it", async (t) => {
  const { dir, log, source } = await stage(t);
  const before = await succeed(source.current());
  rmSync(dir, { recursive: true });
  t.is((await log.nextFault()).split("\n").length, 2);
  t.is(await succeed(source.current()), before);
  write(dir, pair("1.0.1"));
  t.is(await log.nextVersion(), "1.0.1");
  write(dir, pair("1.0.2"));
  t.is(await log.nextVersion(), "1.0.2");
});

test("openFileVersionSource() sees its folder exchanged for another, and what is then done in it", async (t) => {
  const { root, dir, log } = await stage(t);
  write(join(root, "next"), pair("1.0.1"));
  renameSync(dir, join(root, "last"));
  renameSync(join(root, "next"), dir);
  t.is(await log.nextVersion(), "1.0.1");
  write(join(root, "last"), pair("1.0.9"));
  write(dir, pair("1.0.2"));
  t.is(await log.nextVersion(), "1.0.2");
});

test("openFileVersionSource() reports one way of being broken once, and again after it was good", async (t) => {
  const { dir, log } = await stage(t);
  const broken = join(dir, "desktop.json");
  writeFileSync(broken, "{");
  t.is(await log.nextFault(), `${broken}: content: expected JSON`);
  writeFileSync(broken, "[");
  writeFileSync(join(dir, "mobile.json"), "[]");
  t.regex(
    await log.nextFault(),
    /desktop\.json: content: expected JSON\n.*mobile\.json: content: /,
  );
  write(dir, pair("1.0.1"));
  t.is(await log.nextVersion(), "1.0.1");
  writeFileSync(broken, "{");
  t.is(await log.nextFault(), `${broken}: content: expected JSON`);
  t.is(log.all.length, 4);
});

test("openFileVersionSource() answers the same object when only the spelling of the files changed", async (t) => {
  const { dir, log, source } = await stage(t);
  const before = await succeed(source.current());
  const { desktop } = pair("1.0.0");
  unlinkSync(join(dir, "desktop.json"));
  await log.nextFault();
  writeFileSync(join(dir, "desktop.json"), `\uFEFF${JSON.stringify(desktop, null, 4)}\r\n`);
  t.deepEqual(await log.next(), E.right(pair("1.0.0")));
  t.is(await succeed(source.current()), before);
});

test("openFileVersionSource() hears nothing any more once it is closed", async (t) => {
  const { dir, log, close } = await stage(t);
  await close();
  const other = new Log();
  const opened = await succeed(openFileVersionSource({ dir, onReload: other.onReload }));
  write(dir, pair("1.0.1"));
  t.is(await other.nextVersion(), "1.0.1");
  await opened.close();
  t.deepEqual(log.all, []);
});

test("openFileVersionSource() does not open a folder with a broken file, and says why", async (t) => {
  const root = makeFolder();
  t.teardown(() => rmSync(root, { recursive: true }));
  write(root, pair("1.0.0"));
  writeFileSync(join(root, "desktop.json"), '{"version":"s3cret"}');
  const log = new Log();
  const { _tag, cause } = await fail(openFileVersionSource({ dir: root, onReload: log.onReload }));
  t.is(_tag, "VERSIONS_UNAVAILABLE");
  t.true(cause.startsWith(`${root}/desktop.json: version: expected a semantic version; `));
  t.false(cause.includes("s3cret"));
  t.deepEqual(log.all, []);
});

test("openFileVersionSource() does not open a folder that is missing from the root, and says so", async (t) => {
  const { cause } = await fail(
    openFileVersionSource({ dir: `/no-releases-${crypto.randomUUID()}`, onReload: () => {} }),
  );
  t.regex(cause, /expected one that can be watched \(ENOENT\)/);
});

test("readReleases() lists every fault of both files, and nothing that they hold", async (t) => {
  const root = makeFolder();
  t.teardown(() => rmSync(root, { recursive: true }));
  const broken = { version: "s3cret", url: "s3cret", name: 7, notes: "", pub_date: "s3cret" };
  writeFileSync(join(root, "desktop.json"), JSON.stringify(broken));
  writeFileSync(join(root, "mobile.json"), '{"iOS":{"version":"","url":"s3cret","build":5}}');
  t.deepEqual(renderReleaseFaults(await fail(readReleases(root))), [
    `${root}/desktop.json: version: expected a semantic version`,
    `${root}/desktop.json: url: expected an absolute http or https URL`,
    `${root}/desktop.json: name: expected a string`,
    `${root}/mobile.json: iOS.version: expected a string that is not empty`,
    `${root}/mobile.json: iOS.build: expected a string`,
    `${root}/mobile.json: Android: expected an object`,
  ]);
});

for (const [what, spoil, text] of [
  [
    "over 1 MiB",
    (file: string) =>
      writeFileSync(file, `${JSON.stringify(pair("1.0.0").desktop)}${" ".repeat(1_048_576)}`),
    "file: expected at most 1048576 bytes",
  ],
  ["a folder", (file: string) => mkdirSync(file), "file: expected a regular file"],
  [
    "not UTF-8",
    (file: string) => writeFileSync(file, Buffer.from([0x22, 0xff, 0x22])),
    "content: expected UTF-8",
  ],
  ["empty", (file: string) => writeFileSync(file, ""), "content: expected JSON"],
  ["null", (file: string) => writeFileSync(file, "null"), "content: expected a desktop release"],
  [
    "a link to itself",
    (file: string) => symlinkSync("desktop.json", file),
    "file: expected one that can be read (ELOOP)",
  ],
] as const) {
  test(`readReleases() refuses a desktop.json that is ${what}`, async (t) => {
    const root = makeFolder();
    t.teardown(() => rmSync(root, { recursive: true }));
    write(root, pair("1.0.0"));
    unlinkSync(join(root, "desktop.json"));
    spoil(join(root, "desktop.json"));
    const faults = await fail(readReleases(root));
    t.deepEqual(renderReleaseFaults(faults), [`${root}/desktop.json: ${text}`]);
  });
}

const squareAt = (dir: string): string => join(dir, "demo_square.json");

test("openFileVersionSource() follows a demo square that comes, changes and goes", async (t) => {
  const { dir, log, source } = await stage(t, (root) => {
    write(root, pair("1.0.0"));
    unlinkSync(squareAt(root));
    return root;
  });
  t.deepEqual((await succeed(source.current())).demoSquare, []);
  for (const text of ['[{"type":"group","id":7}]', "[]", '[{"type":"group","id":"8"}]']) {
    writeFileSync(squareAt(dir), text);
    const read = await log.next();
    t.is(E.isRight(read) && JSON.stringify(read.right.demoSquare), text.replace("7", '"7"'));
  }
  unlinkSync(squareAt(dir));
  t.like(await log.next(), { right: { demoSquare: [] } });
});

test("openFileVersionSource() keeps the last demo square while the file is broken, and the releases with it", async (t) => {
  const { dir, log, source } = await stage(t);
  const before = await succeed(source.current());
  writeFileSync(squareAt(dir), "{}");
  writeFileSync(join(dir, "desktop.json"), JSON.stringify(pair("1.0.1").desktop));
  const text = `${squareAt(dir)}: content: expected a list of groups and chat rooms`;
  t.is(await log.nextFault(), text);
  t.is(await succeed(source.current()), before);
  t.deepEqual(await fail(source.ready()), { _tag: "VERSIONS_UNAVAILABLE", cause: text });
  write(dir, pair("1.0.1"));
  t.is(await log.nextVersion(), "1.0.1");
});

test("readReleases() lists every fault of a demo square, ids that cannot be spelled among them", async (t) => {
  const root = makeFolder();
  t.teardown(() => rmSync(root, { recursive: true }));
  write(root, pair("1.0.0"));
  const faultsOf = async (places: unknown): Promise<ReadonlyArray<string>> => {
    writeFileSync(squareAt(root), JSON.stringify(places));
    const n3d = makeN3dIds("11EdDIaqpcim");
    assert.ok(E.isRight(n3d));
    const faults = await fail(readReleases(root, { ids: n3d.right }));
    return renderReleaseFaults(faults).map((line) => line.replace(`${squareAt(root)}: `, ""));
  };
  t.deepEqual(await faultsOf([{ type: "s3cret", id: "" }, 7, { type: "group", id: 1, name: "" }]), [
    "0.type: expected group or chatroom",
    "0.id: expected an id",
    "1: expected an object",
    "2.name: expected a string that is not empty",
  ]);
  t.deepEqual(
    await faultsOf([
      { type: "group", id: "team" },
      { type: "group", id: 7 },
      { type: "chatroom", id: 0 },
    ]),
    ["0.id: expected an id of this deployment", "2.id: expected an id of this deployment"],
  );
});

test("readReleases() says so if a demo square is there and cannot be read", async (t) => {
  const root = makeFolder();
  t.teardown(() => rmSync(root, { recursive: true }));
  write(root, pair("1.0.0"));
  unlinkSync(squareAt(root));
  mkdirSync(squareAt(root));
  t.deepEqual(renderReleaseFaults(await fail(readReleases(root))), [
    `${squareAt(root)}: file: expected a regular file`,
  ]);
});

test("readReleases() never reads one file before a swap and the other after", async (t) => {
  const root = makeFolder();
  t.teardown(() => rmSync(root, { recursive: true }));
  const versions = Array.from({ length: 200 }, (_, i) => `1.0.${i}`);
  for (const version of versions) {
    write(join(root, version), pair(version));
  }
  relink(join(root, "current"), "1.0.0");
  let swapping = true;
  const swap = async () => {
    for (const version of versions) {
      relink(join(root, "current"), version);
      await setImmediate();
    }
    swapping = false;
  };
  const read = async () => {
    const pairs: Releases[] = [];
    while (swapping) {
      const outcome = await readReleases(join(root, "current"))();
      pairs.push(...(E.isRight(outcome) ? [outcome.right] : []));
    }
    return pairs;
  };
  // Many at once keep the threads busy, so that the two files of one reading are read far apart.
  const readings = Promise.all(Array.from({ length: 32 }, read));
  await swap();
  const pairs = (await readings).flat();
  const last = await succeed(readReleases(join(root, "current")));
  t.deepEqual(last, pair("1.0.199"));
  for (const { desktop, mobile, demoSquare } of pairs) {
    t.is<string, string>(mobile.Android.version, desktop.version);
    t.is<string | undefined, string>(demoSquare[0]?.name, desktop.version);
  }
});

test("sampleReleasesDir holds a valid pair", async (t) => {
  const { desktop } = await succeed(readReleases(sampleReleasesDir));
  t.like(desktop, { name: "SealTalk 1.0.2" });
});
