import * as fc from "fast-check";
import * as E from "fp-ts/lib/Either.js";
import { sampleRecords } from "../../adapters/memory/mod.ts";
import { decode } from "../../core/domain/decode.ts";
import { DesktopRelease, DownloadUrl, MobileReleases } from "../../core/domain/release.ts";
import { test } from "../support/test.ts";

for (const [given, served] of [
  ["https://dl.example.com/a.dmg", "https://dl.example.com/a.dmg"],
  ["https://dl.example.com", "https://dl.example.com"],
  ["http://[::1]:8080/a?b=c d#é", "http://[::1]:8080/a?b=c%20d#%C3%A9"],
  ["https://dl.example.com/海豹.dmg", "https://dl.example.com/%E6%B5%B7%E8%B1%B9.dmg"],
  ["https://dl.example.com/100%/%20", "https://dl.example.com/100%25/%20"],
  ['https://dl.example.com/a|b^c`{}<>"\\', "https://dl.example.com/a%7Cb%5Ec%60%7B%7D%3C%3E%22%5C"],
  ["https://dl.example.com/🦭\n", "https://dl.example.com/%F0%9F%A6%AD%0A"],
] as const) {
  test(`DownloadUrl serves ${JSON.stringify(given)} as ${served}`, (t) => {
    t.deepEqual(DownloadUrl.decode(given), E.right(served));
  });
}

for (const given of [
  "",
  "a.dmg",
  "/a.dmg",
  "//dl.example.com/a.dmg",
  "ftp://dl.example.com/a",
  "javascript:alert(1)",
  "https://",
  "https:///a",
  "https://user:secret@dl.example.com/",
  "https://下载.example.com/a",
  "https://dl.example.com/\ud800",
  7,
  null,
]) {
  test(`DownloadUrl refuses ${JSON.stringify(given)}`, (t) => {
    t.true(E.isLeft(DownloadUrl.decode(given)));
  });
}

test("DownloadUrl serves only ASCII that the URL standard reads as the same place", (t) => {
  t.notThrows(() =>
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (path) => {
        const given = `https://dl.example.com/${path}`;
        const served = DownloadUrl.decode(given);
        return (
          E.isLeft(served) ||
          (/^[\x21-\x7e]*$/.test(served.right) &&
            E.isRight(DownloadUrl.decode(served.right)) &&
            new URL(served.right).host === "dl.example.com")
        );
      }),
    ),
  );
});

const desktop = { ...Object(sampleRecords.desktop) };
const mobile = { ...Object(sampleRecords.mobile) };

for (const [record, field, expected] of [
  [{ ...desktop, version: "1.0" }, "version", "a semantic version"],
  [{ ...desktop, url: "a.dmg" }, "url", "an absolute http or https URL"],
  [{ ...desktop, pub_date: 2017 }, "pub_date", "a string"],
  [null, "desktop.json", "a desktop release"],
] as const) {
  test(`DesktopRelease names ${field} when it is wrong`, (t) => {
    const read = decode(DesktopRelease, "desktop.json")(record);
    t.deepEqual(read, E.left({ _tag: "INVALID_INPUT", field, expected }));
  });
}

for (const [record, field] of [
  [{ ...mobile, iOS: { ...mobile.iOS, build: 201607181821 } }, "iOS.build"],
  [{ ...mobile, Android: { version: "1.0.5" } }, "Android.url"],
  [{ ...mobile, Android: { version: "", url: "u" } }, "Android.version"],
  [{ iOS: mobile.iOS }, "Android"],
  [[], "mobile.json"],
] as const) {
  test(`MobileReleases names ${field} when it is wrong`, (t) => {
    const read = decode(MobileReleases, "mobile.json")(record);
    t.like(read, { _tag: "Left", left: { field } });
  });
}

test("MobileReleases keeps what it does not know", (t) => {
  const record = { ...mobile, HarmonyOS: {}, iOS: { ...mobile.iOS, size: 7 } };
  const read: unknown = MobileReleases.decode(record);
  t.deepEqual(read, E.right(record));
});
