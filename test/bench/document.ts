/** Puts what was found into docs/performance.md and docs/performance/. */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { parse, View } from "vega";
import { compile } from "vega-lite";
import type { Drawing, KeptReport } from "./report.ts";
import { machine, method } from "./settings.ts";

const PAGE = "docs/performance.md";
const PLOTS = "docs/performance";

/** A page with `text` between the markers of `section`. */
const withSection = (page: string, section: string, text: string): string => {
  const opening = `<!-- bench:${section} -->`;
  const from = page.indexOf(opening);
  const to = page.indexOf("<!-- /bench -->", from);
  if (from < 0 || to < 0) {
    throw new Error(`${PAGE} has no place for ${section}: ${opening} … <!-- /bench -->`);
  }
  return `${page.slice(0, from)}${opening}\n\n${text}\n\n${page.slice(to)}`;
};

const svgOf = (drawing: Drawing): Promise<string> =>
  new View(parse(compile(JSON.parse(JSON.stringify(drawing))).spec), { renderer: "none" }).toSVG();

/** Rewrites the part of one section, and draws its plots. */
export const document = async (
  section: string,
  { text, plots }: Pick<KeptReport, "text" | "plots">,
): Promise<void> => {
  const conditions = `<sub>${machine()} ${method()}</sub>`;
  const page = await readFile(PAGE, "utf8");
  await writeFile(PAGE, withSection(page, section, `${conditions}\n\n${text()}`));
  await mkdir(PLOTS, { recursive: true });
  for (const [name, drawing] of plots) {
    await writeFile(`${PLOTS}/${name}.svg`, `${await svgOf(drawing)}\n`);
  }
};
