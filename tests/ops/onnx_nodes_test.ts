import assert from "node:assert/strict";
import { fused } from "../../src/ops/fused.ts";
import { OPS } from "../../src/ops/mod.ts";
import type { Op } from "../../src/ops/op.ts";
import { operatorOf } from "../../src/runtime/specialize.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { sharedData } from "../data.ts";
import { assertClose, noGpu, runOnGpu } from "./harness.ts";
import { type NodeCase, type NodeCases, readNodeCases } from "./onnx_cases.ts";

/** Tests that are not run, with the reason; those whose types an operator refuses need no entry. */
const EXCUSED: Readonly<Record<string, string>> = {
  test_resize_downsample_scales_cubic_align_corners: "the output size is fractional: see tests/conformance/skipped.ts",
  test_resize_downsample_scales_linear_align_corners: "the output size is fractional: see tests/conformance/skipped.ts",
};

// ONNX gives its backends rtol 1e-3; atol is ours, since GPUs round differently near zero.
const [ATOL, RTOL] = [1e-5, 1e-3];

interface Run {
  readonly name: string;
  readonly run: () => void | Promise<void>;
}

/** What `prepare` gives; nothing where it refuses the test; a failing run where it breaks. */
function runOf(name: string, prepare: () => Run["run"] | null, refusals: readonly ErrorConstructor[]): Run[] {
  try {
    const run = prepare();
    return run ? [{ name, run }] : [];
  } catch (error) {
    const bug = error instanceof TypeError && /^Cannot (read|set) propert|is not (a function|iter)/.test(error.message);
    if (!bug && refusals.some((Refusal) => error instanceof Refusal)) return [];
    return [{ name, run: () => Promise.reject(error) }];
  }
}

function bind({ node, opset }: NodeCase): Op {
  return operatorOf(node, opset);
}

/** The test by the operator's definition, with all inputs known in advance. */
function referenceRuns(test: NodeCase): Run[] {
  return runOf(test.name, () => {
    const op = bind(test);
    const types = op.infer(test.inputs);
    return () => {
      const results = op.reference(test.inputs);
      compare(results, test.outputs);
      results.forEach(({ dtype, shape }, i) => {
        assert.deepEqual([types[i]?.dtype, [...types[i]?.shape ?? []]], [dtype, [...shape]], "infer()");
      });
    };
  }, [TypeError]);
}

function compare(results: readonly Tensor[], outputs: readonly (Tensor | null)[]): void {
  outputs.forEach((expected, i) => {
    if (!expected) return;
    const result = results[i];
    assert.ok(result, `Output ${i} is missing`);
    assertClose(result, expected, ATOL, RTOL);
  });
}

/** The test by the operator's kernels: with few inputs known in advance, and with all but the first. */
function gpuRuns(test: NodeCase): Run[] {
  // On a GPU 8-bit tensors are signed: the planner shifts them before operators see them.
  if ([...test.inputs, ...test.outputs].some((tensor) => tensor?.dtype === "u8")) return [];
  const given = test.inputs.flatMap((input, i) => input ? [i] : []);
  const numbers = given.filter((i) => !["f32", "i8"].includes(test.inputs[i]!.dtype));
  const attempt = (what: string, constants: readonly number[]): Run[] =>
    runOf(`${test.name} (${what})`, () => gpuRun(test, constants), [TypeError, RangeError]);
  const variable = attempt("nothing known", []);
  return [
    ...(variable.length > 0 ? variable : numbers.length > 0 ? attempt("numbers known", numbers) : []),
    ...(given.length > 1 ? attempt("all known but one", given.slice(1)) : []),
  ];
}

function gpuRun(test: NodeCase, constants: readonly number[]): Run["run"] | null {
  const { inputs, outputs } = test;
  const op = bind(test);
  const known = inputs.map((input, i) =>
    input &&
    { ...(constants.includes(i) ? input : { dtype: input.dtype, shape: input.shape }), layout: "plain" as const }
  );
  const types = op.infer(known);
  const pointwise = op.pointwise?.(known);
  if (pointwise) {
    const dtype = types[0]?.dtype;
    if (dtype !== "f32" && dtype !== "i8") return null;
    const [kernel, operands] = [fused(pointwise.program, dtype), pointwise.operands.map((i) => inputs[i] ?? null)];
    kernel.infer(operands);
    return async () => compare(await runOnGpu({ op: kernel, inputs: operands }), outputs);
  }
  if (op.view || !op.lower) return null;
  const layouts = op.layouts?.(known, types);
  op.lower(
    known.map((input, i) => input && { ...input, layout: layouts?.inputs[i] ?? "plain" }),
    types.map((type, i) => ({ ...type, layout: layouts?.outputs[i] ?? "plain" })),
    { lanes: 8 },
  );
  return async () => compare(await runOnGpu({ op, inputs, constants }), outputs);
}

async function runAll(runs: readonly Run[]): Promise<void> {
  const failures: string[] = [];
  for (const { name, run } of runs) {
    try {
      await run();
    } catch (error) {
      failures.push(`${name}: ${error instanceof Error ? error.message : error}`);
    }
  }
  if (failures.length > 0) assert.fail(`${failures.length} of ${runs.length} fail:\n${failures.join("\n")}`);
}

const archive = sharedData("onnx_tests/node_tests_v1.22.0.tgz");
const found: ReadonlyMap<string, NodeCases> = archive
  ? await readNodeCases(Deno.readFileSync(archive), new Set(Object.keys(OPS)))
  : new Map();

Deno.test({
  name: `ONNX node tests are read${archive ? "" : " (ignored: no ../shared/data)"}`,
  ignore: archive === null,
  fn: () => {
    const names = [...found.values()].flatMap(({ cases }) => cases.map(({ name }) => name));
    assert.deepEqual(Object.keys(EXCUSED).filter((name) => !names.includes(name)), []);
  },
});

for (const [op, { cases, unreadable }] of found) {
  const tests = cases.filter(({ name }) => !Object.hasOwn(EXCUSED, name));
  const all = cases.length + unreadable.size;
  const byReference = tests.flatMap(referenceRuns);
  const byKernel = tests.flatMap(gpuRuns);
  const ignored = noGpu ?? (byKernel.length > 0 ? null : "no kernel takes these types");
  Deno.test({
    name: `ONNX node tests: ${op} (${byReference.length} of ${all}${
      byReference.length ? "" : "; ignored: no type in common"
    })`,
    ignore: byReference.length === 0,
    fn: () => runAll(byReference),
  });
  Deno.test({
    name: `ONNX node tests: ${op} on WebGPU (${byKernel.length} runs${ignored ? `; ignored: ${ignored}` : ""})`,
    ignore: ignored !== null,
    fn: () => runAll(byKernel),
  });
}
