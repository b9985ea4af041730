import assert from "node:assert/strict";
import fc from "fast-check";
import { plan } from "../../src/runtime/plan.ts";
import { type Schedule, schedule } from "../../src/runtime/schedule.ts";
import { specialize } from "../../src/runtime/specialize.ts";
import { type Tensor, tensor } from "../../src/tensor/tensor.ts";
import { f32, graphOf, node } from "../graphs.ts";
import { random } from "../ops/harness.ts";
import { chain, checkLives, image, results, same, scheduleOf, target, w, written, x } from "./schedules.ts";

Deno.test("schedule() copies into another layout once for all readers", () => {
  const graph = graphOf({
    inputs: image,
    nodes: [node("Conv", ["x", "w"], "a", same), node("Conv", ["x", "w"], "b", same), node("Sub", ["a", "b"], "y")],
    constants: { w },
    outputs: ["y"],
  });
  const own = scheduleOf(graph, { x });
  checkLives(own);
  const copies = own.launches.filter(({ launch }) => launch.shader.startsWith("copy"));
  assert.equal(copies.length, 2, "x to the layout of convolutions, y back");
  assert.deepEqual(copies.map(({ node }) => node), ["a", "y"]);
});

Deno.test("schedule() keeps outputs to the end, and each has its region", () => {
  const outputs = ["a", "b", "c", "d"];
  const nodes = outputs.map((name, i) => node("Softmax", [i === 0 ? "x" : outputs[i - 1]!], name));
  const own = scheduleOf(graphOf({ inputs: { x: [4, 4] }, nodes, outputs }), { x: random([4, 4]) });
  checkLives(own);
  assert.deepEqual(results(own).map(({ name }) => name), outputs);
  assert.equal(new Set(results(own).map(({ region }) => region)).size, 4);
});

Deno.test("schedule() writes only inputs that a step reads, and each has its region", () => {
  const nodes = [node("Softmax", ["x"], "a"), node("Softmax", ["a"], "b"), node("Softmax", ["b"], "y")];
  const inputs = { x: [4, 4], unused: [4, 4], through: [4, 4] };
  const given = { x: random([4, 4]), unused: random([4, 4]), through: random([4, 4]) };
  const own = scheduleOf(graphOf({ inputs, nodes, outputs: ["y"] }), given);
  checkLives(own);
  assert.deepEqual(written(own).map(({ name }) => name), ["x"]);
  const passed = scheduleOf(
    graphOf({ inputs, nodes: [...nodes, node("Identity", ["through"], "z")], outputs: ["y", "z"] }),
    given,
  );
  checkLives(passed);
  const through = results(passed).find(({ name }) => name === "z")!.region;
  assert.equal(through, written(passed).find(({ name }) => name === "through")!.region);
  assert(passed.launches.every(({ outputs }) => !outputs.includes(through)));
});

Deno.test("schedule() computes nothing for views, and keeps what they look at", () => {
  const graph = graphOf({
    inputs: { x: [4, 4] },
    nodes: [
      node("Softmax", ["x"], "a"),
      node("Flatten", ["a"], "v", { axis: 0 }),
      node("Softmax", ["x"], "b", { axis: 0 }),
      node("Softmax", ["b"], "c"),
      node("Flatten", ["c"], "u", { axis: 0 }),
      node("Sub", ["v", "u"], "y"),
    ],
    outputs: ["y"],
  });
  const own = scheduleOf(graph, { x: random([4, 4]) });
  checkLives(own);
  assert(own.launches.every(({ node }) => node !== "v" && node !== "u"));
  const [a, , , y] = own.launches;
  assert.equal(own.launches.length, 4);
  assert(y!.inputs.includes(a!.outputs[0]!));
});

const kernels = (own: Schedule): string[] => own.launches.map(({ launch }) => launch.shader);

Deno.test("schedule() keeps padded rows through a reshape", () => {
  const graph = graphOf({
    inputs: { x: [6, 4] },
    nodes: [
      node("MatMul", ["x", "m"], "a"),
      node("Reshape", ["a", "shape"], "b"),
      node("Softmax", ["b"], "c"),
      node("Reshape", ["c", "back"], "d"),
      node("MatMul", ["d", "n"], "y"),
    ],
    constants: {
      m: random([4, 7], 3),
      n: random([7, 4], 4),
      shape: tensor("i64", [4], [1, 2, 3, 7]),
      back: tensor("i64", [2], [6, 7]),
    },
    outputs: ["y"],
  });
  const own = scheduleOf(graph, { x: random([6, 4]) });
  checkLives(own);
  assert.deepEqual(kernels(own), ["conv_f32", "softmax_f32x4", "conv_f32"]);
});

Deno.test("schedule() reads a transposed operand of a product where it is", () => {
  const graph = graphOf({
    inputs: { x: [6, 8] },
    nodes: [node("Softmax", ["x"], "k"), node("Transpose", ["k"], "t"), node("MatMul", ["x", "t"], "y")],
    outputs: ["y"],
  });
  const own = scheduleOf(graph, { x: random([6, 8]) });
  checkLives(own);
  assert.deepEqual(kernels(own).slice(0, 2), ["softmax_f32x4", "matmul_f32"]);
});

Deno.test("schedule() copies once what is reshaped, transposed and cut, and only what is read", () => {
  const graph = graphOf({
    inputs: { x: [5, 24] },
    nodes: [
      node("Reshape", ["x", "shape"], "heads"),
      node("Transpose", ["heads"], "t", { perm: [1, 2, 0, 3] }),
      node("Split", ["t"], ["q", "k", "v"], {}, "split"),
      node("Squeeze", ["q", "zero"], "qs"),
      node("Softmax", ["qs"], "y"),
    ],
    constants: { shape: tensor("i64", [4], [5, 3, 2, 4]), zero: tensor("i64", [1], [0]) },
    outputs: ["y"],
  });
  const own = scheduleOf(graph, { x: random([5, 24]) });
  checkLives(own);
  assert.deepEqual(kernels(own), ["copy_128", "softmax_f32x4"]);
});

Deno.test("schedule() copies views that are outputs", () => {
  const graph = graphOf({
    inputs: { x: [5, 6] },
    nodes: [node("Transpose", ["x"], "t"), node("Transpose", ["t"], "y")],
    outputs: ["t", "y"],
  });
  const own = scheduleOf(graph, { x: random([5, 6]) });
  checkLives(own);
  assert.deepEqual(kernels(own), ["copy_32"]);
  assert.equal(results(own)[1]!.region, written(own)[0]!.region);
});

Deno.test("schedule() gives outputs with padded rows as they are, unless most would be padding", () => {
  const product = (columns: number): Schedule =>
    scheduleOf(
      graphOf({
        inputs: { x: [64, 4] },
        nodes: [node("MatMul", ["x", "w"], "y")],
        constants: { w: random([4, columns]) },
        outputs: ["y"],
      }),
      { x: random([64, 4]) },
    );
  const layoutAndCopies = (own: Schedule) => [results(own)[0]!.layout, own.launches.filter((l) => !l.step).length];
  assert.deepEqual(layoutAndCopies(product(6)), ["rows", 0]);
  assert.deepEqual(layoutAndCopies(product(8)), ["plain", 0]);
  assert.deepEqual(layoutAndCopies(product(1)), ["plain", 1]);
});

Deno.test("schedule() leaves constants that are outputs to the host", () => {
  const graph = graphOf({
    inputs: { x: [1] },
    nodes: [node("Relu", ["x"], "y")],
    constants: { k: f32([1, 2]) },
    outputs: ["y", "k"],
  });
  const own = scheduleOf(graph, { x: f32([1]) });
  checkLives(own);
  assert.deepEqual(results(own).map(({ name }) => name), ["y"]);
});

Deno.test("schedule() binds constants by their tensor, so that all plans share them on the device", () => {
  const sources = (inputs: Record<string, Tensor>): object[] =>
    scheduleOf(chain, inputs).launches.flatMap(({ launch }) =>
      launch.bindings.flatMap((binding) => "packed" in binding ? [binding.packed.source] : [])
    );
  assert.deepEqual(new Set(sources({ x })), new Set(sources({ x: { ...x } })));
});

Deno.test("schedule() names a node without a kernel for its types", () => {
  const typed = specialize(graphOf({ inputs: { x: [2] }, nodes: [node("Relu", ["x"], "y")], outputs: ["y"] }), {
    x: f32([1, 2]),
  });
  const bare = plan(typed);
  const without = {
    ...bare,
    steps: bare.steps.map((step) => ({ ...step, op: { infer: step.op.infer, reference: step.op.reference } })),
  };
  assert.throws(() => schedule(without, target), {
    name: "NodeError",
    message: 'Cannot run node "y" on the GPU: its operator has no kernel for these types',
  });
});

/** Random graphs of operators with different layouts, reading from any earlier value. */
const graphs = fc.array(
  fc.record({
    kind: fc.constantFrom("conv", "softmax", "add", "reshape", "transpose", "slice"),
    a: fc.nat(),
    b: fc.nat(),
  }),
  { minLength: 1, maxLength: 15 },
).chain((drawn) => {
  const values = ["x", ...drawn.map((_, i) => `v${i}`)];
  const nodes = drawn.map(({ kind, a, b }, i) => {
    const [left, right] = [values[a % (i + 1)]!, values[b % (i + 1)]!];
    if (kind === "conv") return node("Conv", [left, "w"], `v${i}`, same);
    if (kind === "softmax") return node("Softmax", [left], `v${i}`);
    if (kind === "add") return node("Add", [left, right], `v${i}`);
    if (kind === "transpose") return node("Transpose", [left], `v${i}`, { perm: [0, 1, 3, 2] });
    if (kind === "slice") return node("Slice", [left, "last", "before", "axis", "back"], `v${i}`);
    return node("Reshape", [left, "shape"], `v${i}`);
  });
  return fc.subarray(values, { minLength: 1 }).map((outputs) =>
    graphOf({
      inputs: { ...image, unused: [3] },
      nodes,
      constants: {
        w,
        shape: tensor("i64", [4], [1, 4, 8, 8]),
        last: tensor("i64", [1], [-1]),
        before: tensor("i64", [1], [-100]),
        axis: tensor("i64", [1], [2]),
        back: tensor("i64", [1], [-1]),
      },
      outputs,
    })
  );
});

Deno.test("schedule() never lets a launch read what another has overwritten", () => {
  fc.assert(
    fc.property(graphs, (graph) => {
      checkLives(scheduleOf(graph, { x, unused: f32([1, 2, 3]) }));
    }),
    { numRuns: 50 },
  );
});
