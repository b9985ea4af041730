/**
 * Writes src/gpu/shaders.ts from shaders/*.wgsl: `deno task shaders`.
 *
 * The registry cannot analyse text imports, so the sources are embedded as strings.
 *
 * @module
 */

/** The text of src/gpu/shaders.ts for the kernels in a folder. */
export function shadersModule(folder: URL): string {
  const names = Array.from(Deno.readDirSync(folder), (entry) => entry.name)
    .filter((name) => name.endsWith(".wgsl")).sort();
  const entries = names.map((name) => {
    const source = withLibraries(Deno.readTextFileSync(new URL(name, folder)), folder);
    return `  ${name.slice(0, -".wgsl".length)}: ${"`"}${source.replace(/[\\`]|\$\{/g, "\\$&")}${"`"},\n`;
  });
  return `// Generated from shaders/*.wgsl by "deno task shaders".
/** The WGSL source of every kernel. @module */

/** The name of a kernel. */
export type ShaderName =
${names.map((name) => `  | "${name.slice(0, -".wgsl".length)}"`).join("\n")};

/** WGSL source by kernel name. */
export const SHADERS: Readonly<Record<ShaderName, string>> = {
${entries.join("")}};
`;
}

/** A kernel, followed by the files of lib/ that its lines "// @use NAME" name, each behind a line that tells its name. */
function withLibraries(source: string, folder: URL): string {
  const names = Array.from(source.matchAll(/^\/\/ @use (\w+)$/gm), (match) => match[1]);
  const libraries = names.map((name) =>
    `// @file lib/${name}\n${Deno.readTextFileSync(new URL(`lib/${name}.wgsl`, folder))}`
  );
  return [source, ...libraries].join("");
}

if (import.meta.main) {
  Deno.writeTextFileSync(
    new URL("../src/gpu/shaders.ts", import.meta.url),
    shadersModule(new URL("./", import.meta.url)),
  );
}
