import { build } from "esbuild";

/** A program in one module, as workerd and browsers take it; `alias` and `define` are esbuild's. */
export const bundleOf = async (
  entry: string,
  options: {
    readonly alias?: Record<string, string>;
    readonly conditions?: string[];
  } = {},
): Promise<Uint8Array> => {
  const { outputFiles } = await build({
    entryPoints: [entry],
    bundle: true,
    minify: true,
    write: false,
    format: "esm",
    platform: "neutral",
    mainFields: ["module", "main"],
    conditions: ["workerd"],
    external: ["cloudflare:workers", "node:*"],
    logLevel: "silent",
    ...options,
  });
  return outputFiles[0]?.contents ?? new Uint8Array();
};

/**
 * What workerd is told: the Worker in worker.js beside it, with its variables, and where it listens.
 * `flags` are compatibility flags.
 */
export const workerdConfig = (
  port: number,
  variables: Readonly<Record<string, string>> = {},
  flags: ReadonlyArray<string> = [],
): string => `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "main", worker = (
    modules = [(name = "worker.js", esModule = embed "worker.js")],
    compatibilityDate = "2026-01-01",
    compatibilityFlags = [${flags.map((flag) => `"${flag}"`).join(", ")}],
    bindings = [${Object.entries(variables)
      .map(([name, text]) => `(name = "${name}", text = "${text}")`)
      .join(", ")}]))],
  sockets = [(name = "http", address = "127.0.0.1:${port}", http = (), service = "main")]);
`;
