import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as E from "fp-ts/lib/Either.js";
import {
  openFileVersionSource,
  type ReleasesRead,
  renderReleaseFaults,
} from "../../../adapters/file/mod.ts";
import { DemoSquare, DesktopRelease, MobileReleases, type Releases } from "../../../core/mod.ts";
import { succeed } from "../../contract/expect.ts";
import { type VersionSourceSubject, versionSourceContract } from "../../contract/version-source.ts";
import { type Case, casesOf, type Opened } from "../cases.ts";

/** Releases that are of this version in every part. */
export const pair = (version: string): Releases => {
  const desktop = {
    version,
    url: `https://dl.example.com/${version}.dmg`,
    name: "SealTalk",
    notes: "",
    pub_date: "2017-05-05",
  };
  const build = { version, url: `https://dl.example.com/${version}` };
  const mobile = { iOS: { ...build, build: "201607181821" }, Android: build };
  const demoSquare = [{ type: "chatroom", id: "lobby", name: version }];
  assert.ok(DesktopRelease.is(desktop) && MobileReleases.is(mobile) && DemoSquare.is(demoSquare));
  return { desktop, mobile, demoSquare };
};

/** Writes the three files, one after the other. */
export const write = (dir: string, { desktop, mobile, demoSquare }: Releases): void => {
  mkdirSync(dir, { recursive: true });
  writeFileSync(join(dir, "desktop.json"), JSON.stringify(desktop));
  writeFileSync(join(dir, "mobile.json"), JSON.stringify(mobile));
  writeFileSync(join(dir, "demo_square.json"), JSON.stringify(demoSquare));
};

/** An empty folder under its real name. */
export const makeFolder = (): string => realpathSync(mkdtempSync(join(tmpdir(), "releases-")));

/** What a source reported, to be waited for. */
export class Log extends EventTarget {
  readonly all: ReleasesRead[] = [];
  #read = 0;

  readonly onReload = (outcome: ReleasesRead): void => {
    this.all.push(outcome);
    this.dispatchEvent(new Event("reload"));
  };

  async next(): Promise<ReleasesRead> {
    while (this.all.length === this.#read) {
      await once(this, "reload");
    }
    const outcome = this.all[this.#read];
    this.#read += 1;
    assert.ok(outcome !== undefined);
    return outcome;
  }

  async nextVersion(): Promise<string> {
    const outcome = await this.next();
    assert.ok(E.isRight(outcome), "broken");
    const { desktop, mobile, demoSquare } = outcome.right;
    assert.equal(desktop.version, mobile.iOS.version);
    assert.deepEqual<ReadonlyArray<string | undefined>>(
      demoSquare.map(({ name }) => name),
      [desktop.version],
    );
    return desktop.version;
  }

  async nextFault(): Promise<string> {
    const outcome = await this.next();
    assert.ok(E.isLeft(outcome), "not broken");
    return renderReleaseFaults(outcome.left).join("\n");
  }
}

const openSubject = async (): Promise<Opened<VersionSourceSubject>> => {
  const root = makeFolder();
  const dir = join(root, "releases");
  const [first, second] = [pair("1.0.0"), pair("1.0.1")];
  write(dir, first);
  const log = new Log();
  const { source, close } = await succeed(openFileVersionSource({ dir, onReload: log.onReload }));
  return {
    subject: {
      source,
      first,
      second,
      publish: async (releases) => {
        write(dir, releases);
        await log.nextVersion();
      },
      spoil: async () => {
        writeFileSync(join(dir, "mobile.json"), "{");
        await log.nextFault();
      },
      withoutAny: openFileVersionSource({ dir: root, onReload: () => {} }),
    },
    close: async () => {
      await close();
      rmSync(root, { recursive: true });
    },
  };
};

/** The release files as the subject of their port's contract. */
export const fileCases: ReadonlyArray<Case> = casesOf("file", versionSourceContract, openSubject);
