/** What the report's drawings look like: Vega-Lite, on white, so that both of GitHub's themes show them. */
import type { Drawing } from "./report.ts";

const INK = "#1f2328";
const MUTED = "#59636e";
const BLUE = "#0969da";
const RED = "#cf222e";

const CONFIG = {
  background: "white",
  padding: 16,
  font: "system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif",
  title: { anchor: "start", color: INK, fontSize: 15, subtitleColor: MUTED, offset: 12 },
  axis: {
    labelColor: INK,
    titleColor: MUTED,
    labelFontSize: 12,
    titleFontSize: 12,
    // 0 is none: without a canvas the width of a text is a guess.
    labelLimit: 0,
    labelFlush: false,
    gridColor: "#eaeef2",
    domainColor: "#d1d9e0",
    tickColor: "#d1d9e0",
    titleFontWeight: "normal",
  },
  header: {
    labelColor: INK,
    labelFontSize: 13,
    labelFontWeight: "bold",
    labelAnchor: "start",
    labelAngle: 0,
    labelOrient: "top",
    labelPadding: 2,
    title: null,
  },
  legend: {
    orient: "bottom",
    labelLimit: 0,
    labelColor: INK,
    titleColor: MUTED,
    labelFontSize: 12,
    titleFontWeight: "normal",
  },
  view: { stroke: null },
};

const drawing = (title: string, subtitle: string, rest: Drawing): Drawing => ({
  $schema: "https://vega.github.io/schema/vega-lite/v6.json",
  config: CONFIG,
  title: { text: title, subtitle },
  ...rest,
});

/** A bar for each ratio, and a mark where its goal is. */
export const ratiosPlot = (
  title: string,
  values: ReadonlyArray<{
    readonly group: string;
    readonly name: string;
    readonly ratio: number;
    readonly goal: number | undefined;
  }>,
): Drawing => {
  const groups = [...new Set(values.map(({ group }) => group))];
  const order = [...new Set(values.map(({ name }) => name))];
  const longest = Math.max(1, ...values.map(({ ratio }) => ratio)) * 1.05;
  const y = { field: "name", type: "nominal", sort: order, axis: { title: null } };
  return drawing(title, "1 is as many. Red: the goal.", {
    data: { values },
    facet: { row: { field: "group", type: "nominal", sort: groups, title: null } },
    spec: {
      width: 420,
      height: { step: 26 },
      layer: [
        {
          mark: { type: "bar", color: BLUE, height: 16, cornerRadiusEnd: 2 },
          encoding: {
            y,
            x: {
              field: "ratio",
              type: "quantitative",
              title: "ratio",
              scale: { domainMin: 0, domainMax: longest },
            },
          },
        },
        {
          mark: { type: "text", align: "left", dx: 5, color: MUTED, fontSize: 11 },
          encoding: {
            y,
            x: { field: "ratio", type: "quantitative" },
            text: { field: "ratio", format: ".2f" },
          },
        },
        {
          transform: [{ filter: "isValid(datum.goal)" }],
          mark: { type: "tick", color: RED, opacity: 1, thickness: 3, size: 22 },
          encoding: { y, x: { field: "goal", type: "quantitative" } },
        },
      ],
    },
  });
};

const PERCENTILES = ["p50", "p99", "p99.9", "max"];

/** A mark for each percentile of each server, by route. */
export const latencyPlot = (
  values: ReadonlyArray<{
    readonly name: string;
    readonly server: string;
    readonly percentile: string;
    readonly ms: number;
  }>,
): Drawing =>
  drawing(
    "Time of an answer at half of capacity",
    "Evenly paced, from when a request was due. Less is better.",
    {
      data: { values },
      width: 460,
      height: { step: 24 },
      mark: { type: "point", filled: true, size: 70, opacity: 0.9 },
      encoding: {
        y: {
          field: "name",
          type: "nominal",
          sort: [...new Set(values.map(({ name }) => name))],
          axis: { title: null, grid: true },
        },
        yOffset: { field: "server", type: "nominal" },
        x: { field: "ms", type: "quantitative", scale: { type: "log" }, title: "milliseconds" },
        color: {
          field: "server",
          type: "nominal",
          title: "server",
          scale: { range: [MUTED, BLUE] },
        },
        shape: { field: "percentile", type: "nominal", sort: PERCENTILES, title: "percentile" },
      },
    },
  );

/** Memory over time. */
export const soakPlot = (
  values: ReadonlyArray<{
    readonly what: string;
    readonly minute: number;
    readonly megabytes: number;
  }>,
): Drawing =>
  drawing("Memory under load", "Every route in turn, at half of capacity.", {
    data: { values },
    width: 560,
    height: 260,
    mark: { type: "line", strokeWidth: 2 },
    encoding: {
      x: { field: "minute", type: "quantitative", title: "minutes" },
      y: { field: "megabytes", type: "quantitative", title: "MB", scale: { zero: true } },
      color: { field: "what", type: "nominal", title: null, scale: { range: [BLUE, RED] } },
    },
  });
