import assert from "node:assert/strict";
import { shadersModule } from "../shaders/build.ts";

/** Lower layers first: a module imports from its own layer or a lower one. Files beside the folders (cli.ts) are on top. */
const LAYERS = [
  "tensor",
  "metrics",
  "graph",
  "onnx",
  "gpu",
  "ops",
  "runtime",
  "quant",
  "search",
  "report",
  "commands",
];

const ROOT = new URL("../", import.meta.url);

function layerOf(path: string): number {
  const folder = path.match(/\/src\/([^/]+)\//)?.[1];
  return folder === undefined ? LAYERS.length : LAYERS.indexOf(folder);
}

function* sources(folder: URL): Generator<URL> {
  for (const entry of Deno.readDirSync(folder)) {
    if (entry.isDirectory) yield* sources(new URL(`${entry.name}/`, folder));
    else if (entry.name.endsWith(".ts")) yield new URL(entry.name, folder);
  }
}

function fileNames(folder: string): string[] {
  return Array.from(Deno.readDirSync(new URL(folder, ROOT)), (entry) => entry.name);
}

Deno.test("every folder of src is a layer", () => {
  const folders = Array.from(Deno.readDirSync(new URL("src/", ROOT))).filter((entry) => entry.isDirectory);
  assert.deepEqual(folders.map((entry) => entry.name).filter((name) => !LAYERS.includes(name)), []);
});

Deno.test("every module imports from its own layer or a lower one", () => {
  const upward: string[] = [];
  for (const file of sources(new URL("src/", ROOT))) {
    for (const [, specifier] of Deno.readTextFileSync(file).matchAll(/(?:from|import)\s*\(?\s*"(\.[^"]+)"/g)) {
      const target = new URL(specifier!, file);
      if (layerOf(target.pathname) > layerOf(file.pathname)) upward.push(`${file.pathname} imports ${target.pathname}`);
    }
  }
  assert.deepEqual(upward, []);
});

Deno.test("the library touches neither Deno nor the console", () => {
  const impure: string[] = [];
  for (const file of sources(new URL("src/", ROOT))) {
    if (layerOf(file.pathname) >= LAYERS.indexOf("commands")) continue;
    const code = Deno.readTextFileSync(file).replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, "");
    if (/\bDeno\.|\bconsole\./.test(code)) impure.push(file.pathname);
  }
  assert.deepEqual(impure, []);
});

Deno.test("every operator has a test", () => {
  const tests = new Set(fileNames("tests/ops/"));
  const operators = fileNames("src/ops/")
    .filter((name) => !name.startsWith("_") && !["mod.ts", "op.ts", "pointwise.ts"].includes(name));
  assert.deepEqual(operators.filter((name) => !tests.has(name.replace(/\.ts$/, "_test.ts"))), []);
});

Deno.test("src/gpu/shaders.ts holds the present kernels", () => {
  const stale = Deno.readTextFileSync(new URL("src/gpu/shaders.ts", ROOT)) !==
    shadersModule(new URL("shaders/", ROOT));
  assert(!stale, 'src/gpu/shaders.ts is out of date: run "deno task shaders"');
});
