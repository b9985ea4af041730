import assert from "node:assert/strict";
import { explained, NodeError, operatorOf, specialize } from "../../src/runtime/specialize.ts";
import { i64, tensor } from "../../src/tensor/tensor.ts";
import { f32, graphOf, node } from "../graphs.ts";

const names = (nodes: readonly { readonly name: string }[]): string[] => nodes.map(({ name }) => name);

Deno.test("specialize() infers the type of every value", () => {
  const graph = graphOf({
    inputs: { x: ["N", 4] },
    nodes: [node("MatMul", ["x", "w"], "a"), node("Relu", ["a"], "y")],
    constants: { w: tensor("f32", [4, 3], new Float32Array(12)) },
    outputs: ["y"],
  });
  const { types } = specialize(graph, { x: { dtype: "f32", shape: [5, 4] } });
  assert.deepEqual(types.get("y"), { dtype: "f32", shape: [5, 3] });
  assert.equal(types.get("w")!.data, graph.constants.get("w")!.data);
});

Deno.test("specialize() does not take the elements of inputs for known", () => {
  const graph = graphOf({ inputs: { x: [2] }, nodes: [node("Relu", ["x"], "y")], outputs: ["y"] });
  assert.deepEqual(names(specialize(graph, { x: f32([1, 2]) }).graph.nodes), ["y"]);
});

Deno.test("specialize() folds what depends on shapes alone", () => {
  const graph = graphOf({
    inputs: { x: ["N", 2, 3] },
    nodes: [
      node("Shape", ["x"], "shape"),
      node("Gather", ["shape", "zero"], "batch"),
      node("Concat", ["batch", "rest"], "target", { axis: 0 }),
      node("Reshape", ["x", "target"], "y"),
    ],
    constants: { zero: i64([0]), rest: i64([-1]) },
    outputs: ["y"],
  });
  const typed = specialize(graph, { x: { dtype: "f32", shape: [4, 2, 3] } });
  assert.deepEqual(names(typed.graph.nodes), ["y"]);
  assert.deepEqual(typed.types.get("y"), { dtype: "f32", shape: [4, 6] });
  assert.deepEqual([...typed.graph.constants.keys()], ["target"]);
});

Deno.test("specialize() keeps quantized constants in integers", () => {
  const graph = graphOf({
    inputs: { x: [2] },
    nodes: [node("DequantizeLinear", ["q", "s"], "d"), node("Add", ["x", "d"], "y")],
    constants: { q: tensor("i8", [2], [1, 2]), s: f32(0.5) },
    outputs: ["y"],
  });
  assert.deepEqual(names(specialize(graph, { x: f32([1, 2]) }).graph.nodes), ["d", "y"]);
});

Deno.test("specialize() names an input that is missing", () => {
  const graph = graphOf({ inputs: { x: [2], z: [2] }, nodes: [node("Add", ["x", "z"], "y")], outputs: ["y"] });
  assert.throws(() => specialize(graph, { x: f32([1, 2]) }), { name: "RangeError", message: 'Input "z" is missing' });
});

Deno.test("specialize() names the node that does not fit the shapes", () => {
  const graph = graphOf({ inputs: { x: [2], z: [3] }, nodes: [node("Add", ["x", "z"], "sum")], outputs: ["sum"] });
  assert.throws(() => specialize(graph, { x: f32([1, 2]), z: f32([1, 2, 3]) }), {
    name: "NodeError",
    message: 'Cannot run node "sum" (Add): Cannot broadcast shapes [2] and [3] together',
  });
});

Deno.test("operatorOf() names an operator that is not supported, and is not fooled by Object's own names", () => {
  for (const op of ["NoSuch", "toString", "constructor"]) {
    assert.throws(() => operatorOf(node(op, ["x"], "y"), 13), {
      name: "NodeError",
      message: `Cannot run node "y": operator "${op}" is not supported`,
    });
  }
});

Deno.test("operatorOf() splits into as many parts as the node has outputs", () => {
  const split = operatorOf(node("Split", ["x"], ["a", "b", "c"]), 13);
  assert.deepEqual(split.infer([f32([1, 2, 3])]).map(({ shape }) => shape), [[1], [1], [1]]);
  const sized = operatorOf(node("Split", ["x"], ["a", "b"], { split: [1, 2] }), 11);
  assert.deepEqual(sized.infer([f32([1, 2, 3])]).map(({ shape }) => shape), [[1], [2]]);
});

Deno.test("explained() names the node once and keeps the cause", () => {
  const cause = new RangeError("too large");
  const fail = (): never => {
    throw cause;
  };
  assert.throws(
    () => explained(node("Relu", ["x"], "outer"), () => explained(node("Exp", ["x"], "inner"), fail)),
    (e) => {
      assert(e instanceof NodeError);
      assert.equal(e.message, 'Cannot run node "inner" (Exp): too large');
      assert.equal(e.cause, cause);
      return true;
    },
  );
});
