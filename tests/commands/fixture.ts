/** A small classifier and its data, as files, and command lines on them. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { main } from "../../src/cli.ts";
import { writeNpy } from "../../src/commands/npy.ts";
import type { Graph } from "../../src/graph/graph.ts";
import { writeOnnx } from "../../src/onnx/write.ts";
import { type Tensor, tensor } from "../../src/tensor/tensor.ts";

/** The gains of the four features between the layers: 8 bits over the first leave nothing of the others. */
const GAINS = [4000, 1, 1, 1];

/**
 * A classifier of four features, class = the greatest: two Gemms and a Relu between them.
 *
 * In INT8 the second Gemm does not see the small features; kept in FP32 it does.
 */
export function classifier(batch: string | number = "N"): Graph {
  const square = (diagonal: readonly number[]): Tensor =>
    tensor("f32", [4, 4], diagonal.flatMap((d, i) => diagonal.map((_, j) => i === j ? d : 0)));
  const node = (name: string, op: string, inputs: string[], output: string) => ({
    ...{ name, op, inputs, outputs: [output] },
    attributes: new Map(),
  });
  return {
    name: "classifier",
    opset: 13,
    inputs: [{ name: "x", dtype: "f32", shape: [batch, 4] }],
    outputs: [{ name: "scores/out", dtype: "f32", shape: [batch, 4] }],
    nodes: [
      node("gain", "Gemm", ["x", "w1", "b"], "h"),
      node("relu", "Relu", ["h"], "r"),
      node("head", "Gemm", ["r", "w2", "b"], "scores/out"),
    ],
    constants: new Map([
      ["w1", square(GAINS)],
      ["w2", square(GAINS.map((gain) => 1 / gain))],
      ["b", tensor("f32", [4], [0, 0, 0, 0])],
    ]),
    metadata: new Map(),
  };
}

/** Features of `count` items; item i is greatest in feature i % 4. */
export function features(count: number): Tensor {
  const at = (i: number, c: number): number => c === i % 4 ? 0.9 + 0.05 * Math.sin(i) : 0.5 + 0.3 * Math.sin(7 * i + c);
  return tensor("f32", [count, 4], Array.from({ length: count * 4 }, (_, k) => at(k >> 2, k % 4)));
}

/** The class of each item of {@linkcode features}. */
export function classes(count: number): Tensor {
  return tensor("u8", [count], Array.from({ length: count }, (_, i) => i % 4));
}

/** What a command printed, and its exit code. */
export interface Printed {
  /** The exit code. */
  readonly code: number;
  /** Lines of results. */
  readonly out: readonly string[];
  /** Lines of messages. */
  readonly errors: readonly string[];
}

/** A folder with `model.onnx`, `cal.npy` (20 items), `val.npy` and `labels.npy` (40 items). */
export interface Folder extends AsyncDisposable {
  /** The path of a file in it. */
  path(name: string): string;
  /** Writes a tensor as a .npy file and returns its path. */
  npy(name: string, tensor: Tensor): string;
  /** Runs a command line; words that begin with `@` stand for files in the folder. */
  run(...words: string[]): Promise<Printed>;
}

/** Makes a {@linkcode Folder}. */
export async function folder(): Promise<Folder> {
  const root = await Deno.makeTempDir({ prefix: "acqua-" });
  const path = (name: string): string => join(root, name);
  const npy = (name: string, tensor: Tensor): string => {
    Deno.writeFileSync(path(name), writeNpy(tensor));
    return path(name);
  };
  Deno.writeFileSync(path("model.onnx"), writeOnnx(classifier()));
  npy("cal.npy", features(20));
  npy("val.npy", features(40));
  npy("labels.npy", classes(40));
  return {
    path,
    npy,
    run: (...words) => capture(...words.map((word) => word.replace(/(^|=)@/, (_, before) => `${before}${root}/`))),
    [Symbol.asyncDispose]: () => Deno.remove(root, { recursive: true }),
  };
}

/** Runs a command line and keeps what it prints. */
export async function capture(...words: string[]): Promise<Printed> {
  const [out, errors]: [string[], string[]] = [[], []];
  // Tuning would write to the cache of whoever runs the tests.
  const runsModels = ["quantize", "rank", "run", "profile"].includes(words[0] ?? "") && words.length > 1;
  const code = await main(runsModels ? [...words, "--no-tune"] : words, {
    out: (text) => out.push(text),
    error: (text) => errors.push(text),
    rewrite: null,
  });
  return { code, out, errors };
}

/** Quantizes the model of a {@linkcode Folder} with accuracy control. */
export const CONTROL =
  "quantize @model.onnx --calibration @cal.npy --validation @val.npy --labels @labels.npy --backend cpu";

/** Runs a command line of words between spaces in a folder. */
export function run(dir: Folder, line: string): Promise<Printed> {
  return dir.run(...line.split(" "));
}

/** Asserts that a command refused its arguments in one line. */
export function assertUsage({ code, out, errors }: Printed, message: RegExp): void {
  assert.equal(code, 2);
  assert.deepEqual(out, []);
  assert.equal(errors.length, 1);
  assert.match(errors[0]!, message);
  assert.match(errors[0]!, /usage: acqua /);
  assert.ok(!errors[0]!.includes("\n"));
}
