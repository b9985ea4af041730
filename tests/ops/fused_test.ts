import assert from "node:assert/strict";
import { fits, fused, MAX_INSTRUCTIONS, merge, type NamedProgram } from "../../src/ops/fused.ts";
import { arrange, type Layout } from "../../src/gpu/layout.ts";
import type { Op } from "../../src/ops/op.ts";
import { evaluate, type Instruction, INSTRUCTIONS, MAX_F32, type Program } from "../../src/ops/pointwise.ts";
import { type Tensor, tensor, type TensorType } from "../../src/tensor/tensor.ts";
import { type Case, random, random8, testOp } from "./harness.ts";

const ADD: Program = { inputs: 2, instructions: [{ code: "add", args: [0, 1] }] };
const HSWISH: Program = {
  inputs: 1,
  instructions: [
    { code: "addp", args: [0], p: 3 },
    { code: "clamp", args: [1], p: 0, q: 6 },
    { code: "mul", args: [0, 2] },
    { code: "mulp", args: [3], p: 1 / 6 },
  ],
};
const ADD_I8: Program = {
  inputs: 2,
  instructions: [
    { code: "dequantize", args: [0], p: 0.02, q: -3 },
    { code: "dequantize", args: [1], p: 0.05, q: 11 },
    { code: "add", args: [2, 3] },
    { code: "quantize", args: [4], p: 1 / 0.061, q: 7 },
  ],
};
const QUANTIZE: Program = { inputs: 1, instructions: [{ code: "quantize", args: [0], p: 101.3, q: -20 }] };
const DEQUANTIZE: Program = { inputs: 1, instructions: [{ code: "dequantize", args: [0], p: 0.037, q: -20 }] };
const SIGMOID: Program = { inputs: 1, instructions: [{ code: "sigmoid", args: [0] }] };

function add(a: readonly number[], b: readonly number[], ...layouts: Layout[]): Case {
  return { op: fused(ADD, "f32"), inputs: [random(a, 1), random(b, 2)], layouts };
}

testOp("fused() of add", {
  "scalars": add([], []),
  "odd vectors": add([7], [7]),
  "odd plain tensors": add([3, 5, 7], [3, 5, 7]),
  "a scalar tensor": add([3, 5, 7], [1]),
  "a higher rank": add([5], [2, 1, 5]),
  "a bias along the last axis": add([6, 8], [8]),
  "a bias along an odd last axis": add([6, 7], [7]),
  "a bias along an odd last axis in rows": add([6, 7], [7], "rows"),
  "channels of a plain map": add([2, 3, 4, 8], [1, 3, 1, 1]),
  "channels of an odd plain map": add([2, 3, 5, 5], [1, 3, 1, 1]),
  "channels in nhwc": add([2, 6, 3, 5], [6, 1, 1], "nhwc"),
  "a gate in nhwc": add([2, 6, 3, 5], [2, 6, 1, 1], "nhwc", "nhwc"),
  "a plain gate in nhwc": add([2, 6, 3, 5], [2, 6, 1, 1], "nhwc"),
  "a map of all images in nhwc": add([2, 8, 3, 5], [8, 3, 5], "nhwc"),
  "one column of a map in nhwc": add([2, 8, 3, 5], [1, 1, 3, 1], "nhwc"),
  "one channel in nhwc": add([2, 1, 3, 5], [2, 1, 3, 5], "nhwc"),
  "one channel in nhwc and a map": add([2, 1, 3, 5], [5], "nhwc"),
  "mixed layouts": add([2, 6, 3, 5], [2, 6, 3, 5], "nhwc", "plain"),
  "rows and a column": add([2, 5, 9], [2, 5, 1], "rows"),
  "an outer product": add([5, 1], [1, 9]),
  "alternating axes": add([2, 1, 3, 1, 4, 5], [1, 3, 1, 2, 1, 5]),
  "the left columns": add([4, 8, 12], [4, 8, 12], "cols", "cols"),
  "more workgroups than fit one row of the grid": add([65536 * 64, 1], [1], "rows"),
  "nothing": add([0, 4], [4]),
});

/** An operator whose nhwc result is read with its padding, as a plain tensor. */
function padded(op: Op): Op {
  const type: TensorType = { dtype: "f32", shape: [2, 3, 3, 5] };
  return {
    infer: () => [{ dtype: "f32", shape: [2, 3, 5, 4] }],
    reference: (inputs) => {
      const y = arrange({ ...type, data: op.reference(inputs)[0]!.data }, "nhwc");
      return [tensor("f32", [2, 3, 5, 4], y)];
    },
    layouts: (inputs) => ({ inputs: op.layouts!(inputs, [type]).inputs, outputs: ["plain"] }),
    lower: (inputs, _, target) => op.lower!(inputs, [{ ...type, layout: "nhwc" }], target),
  };
}

testOp("fused()", {
  "copies without instructions": { op: fused({ inputs: 1, instructions: [] }, "f32"), inputs: [random([3, 5])] },
  "runs a chain": { op: fused(HSWISH, "f32"), inputs: [random([2, 6, 3, 5], 1, -5, 5)], layouts: ["nhwc"] },
  "leaves zero in the padding": {
    op: padded(fused(SIGMOID, "f32")),
    inputs: [random([2, 3, 3, 5])],
    layouts: ["nhwc"],
  },
  "takes six inputs": {
    op: fused({
      inputs: 6,
      instructions: [1, 2, 3, 4, 5].map((i) => ({ code: "add", args: [i === 1 ? 0 : i + 4, i] })),
    }, "f32"),
    inputs: [1, 2, 3, 4, 5, 6].map((seed) => random([4, 9], seed)),
  },
});

function bytes(program: Program, dtype: "f32" | "i8", inputs: readonly Tensor[], ...layouts: Layout[]): Case {
  return { op: fused(program, dtype), inputs, layouts, atol: 0, rtol: 0 };
}

testOp("fused() of integers", {
  "quantizes": bytes(QUANTIZE, "i8", [random([3, 5, 7], 1, -2, 2)]),
  "quantizes nhwc": bytes(QUANTIZE, "i8", [random([2, 24, 3, 5], 1, -2, 2)], "nhwc"),
  "quantizes three channels": bytes(QUANTIZE, "i8", [random([2, 3, 8, 8], 1, -2, 2)], "nhwc"),
  "rounds halves to even": bytes(
    { inputs: 1, instructions: [{ code: "quantize", args: [0], p: 2, q: 1 }] },
    "i8",
    [tensor("f32", [8], [0.25, 0.75, 1.25, -0.25, -0.75, -1.25, 400, -400])],
  ),
  "dequantizes": bytes(DEQUANTIZE, "f32", [random8([3, 5, 7])]),
  "dequantizes nhwc": bytes(DEQUANTIZE, "f32", [random8([2, 20, 3, 5])], "nhwc"),
  "dequantizes rows": bytes(DEQUANTIZE, "f32", [random8([5, 17])], "rows"),
  "adds": bytes(ADD_I8, "i8", [random8([2, 3, 5, 7], 1), random8([2, 3, 5, 7], 2)]),
  "adds nhwc": bytes(ADD_I8, "i8", [random8([2, 24, 5, 7], 1), random8([2, 24, 5, 7], 2)], "nhwc", "nhwc"),
  "adds a gate": bytes(ADD_I8, "i8", [random8([2, 24, 5, 7], 1), random8([2, 24, 1, 1], 2)], "nhwc", "nhwc"),
  "adds a plain gate": bytes(ADD_I8, "i8", [random8([2, 24, 5, 7], 1), random8([2, 24, 1, 1], 2)], "nhwc"),
  "adds channels": bytes(ADD_I8, "i8", [random8([2, 24, 5, 7], 1), random8([24, 1, 1], 2)], "nhwc"),
  "adds a scalar": bytes(ADD_I8, "i8", [random8([2, 24, 5, 7], 1), random8([], 2)], "nhwc"),
  "adds odd columns": bytes(ADD_I8, "i8", [random8([5, 7], 1), random8([5, 1], 2)]),
  "adds f32 to i8": bytes(ADD, "f32", [random8([2, 20, 3, 5]), random([2, 20, 3, 5])], "plain", "nhwc"),
  "adds one channel": bytes(ADD_I8, "i8", [random8([2, 1, 5, 7], 1), random8([2, 1, 5, 7], 2)], "nhwc", "nhwc"),
});

const SAMPLES: Partial<Record<Instruction["code"], readonly [low: number, high: number]>> = {
  sqrt: [0, 9],
  pow: [0.1, 3],
  rdivp: [0.5, 4],
  div: [0.5, 4],
  quotient: [0.5, 4],
  powp: [-3, 3],
  tanh: [-30, 30],
};

testOp(
  "fused() of the instruction",
  Object.fromEntries(INSTRUCTIONS.map((code) => {
    const [low, high] = SAMPLES[code] ?? [-4, 4];
    const two = ["add", "sub", "mul", "div", "pow", "max", "min", "quotient"].includes(code);
    const program: Program = {
      inputs: two ? 2 : 1,
      instructions: [{
        code,
        args: two ? [0, 1] : [0],
        p: code === "powp" ? 3 : code === "quantize" ? 0.3 : -0.3,
        q: 0.7,
      }],
    };
    const inputs = [random([37], 1, low, high), random([37], 2, low, high)].slice(0, program.inputs);
    return [code, { op: fused(program, "f32"), inputs, rtol: 1e-5, atol: 1e-5 }];
  })),
);

testOp("fused() of quotient", {
  "rounds as IEEE 754 asks": {
    op: fused({ inputs: 2, instructions: [{ code: "quotient", args: [0, 1] }] }, "f32"),
    inputs: [random([4096], 1, -1000, 1000), random([4096], 2, 0.3, 7)],
    atol: 0,
    rtol: 0,
  },
  "quantizes pixels, all of which lie halfway between two integers": {
    op: fused({ inputs: 1, instructions: [{ code: "quantize", args: [0], p: Math.fround(2 / 255), q: 0 }] }, "i8"),
    inputs: [tensor("f32", [256], Array.from({ length: 256 }, (_, v) => Math.fround(v / 127.5) - 1))],
  },
});

testOp("fused() of pow", {
  "takes negative bases to whole powers": {
    op: fused({ inputs: 2, instructions: [{ code: "pow", args: [0, 1] }] }, "f32"),
    inputs: [tensor("f32", [7], [-2, -2, 0, 0, -1.5, 3, -3]), tensor("f32", [7], [3, 2, 0, 2, 0, -1, -1])],
    outputs: [tensor("f32", [7], [-8, 4, 1, 0, 1, 1 / 3, -1 / 3])],
  },
});

Deno.test("evaluate() rounds every step to f32", () => {
  const program: Program = {
    inputs: 1,
    instructions: [{ code: "mulp", args: [0], p: 0.1 }, { code: "addp", args: [1], p: 0.2 }],
  };
  assert.equal(evaluate(program, [3]), Math.fround(Math.fround(3 * Math.fround(0.1)) + Math.fround(0.2)));
});

Deno.test("evaluate() gives the error function", () => {
  const program: Program = { inputs: 1, instructions: [{ code: "erf", args: [0] }] };
  for (const [x, y] of [[0, 0], [0.5, 0.5204998778], [-1, -0.8427007929], [2, 0.995322265], [7, 1]] as const) {
    assert.ok(Math.abs(evaluate(program, [x]) - y) < 1e-7);
  }
});

Deno.test("merge() reads a value once that both programs read", () => {
  const mul: NamedProgram = {
    operands: ["x", "clipped"],
    program: { inputs: 2, instructions: [{ code: "mul", args: [0, 1] }] },
  };
  const clip: NamedProgram = {
    operands: ["sum"],
    program: { inputs: 1, instructions: [{ code: "clamp", args: [0], p: 0, q: 6 }] },
  };
  const sum: NamedProgram = {
    operands: ["x"],
    program: { inputs: 1, instructions: [{ code: "addp", args: [0], p: 3 }] },
  };
  const all = merge(merge(mul, "clipped", clip), "sum", sum);
  assert.deepEqual(all.operands, ["x"]);
  assert.deepEqual(all.program, { inputs: 1, instructions: HSWISH.instructions.slice(0, 3) });
});

Deno.test("merge() does a step once that both programs do alike", () => {
  const inner: NamedProgram = {
    operands: ["q"],
    program: {
      inputs: 1,
      instructions: [{ code: "dequantize", args: [0], p: 0.5, q: 1 }, { code: "sigmoid", args: [1] }],
    },
  };
  const outer: NamedProgram = {
    operands: ["q", "s"],
    program: {
      inputs: 2,
      instructions: [{ code: "dequantize", args: [0], p: 0.5, q: 1 }, { code: "mul", args: [2, 1] }],
    },
  };
  const { operands, program } = merge(outer, "s", inner);
  assert.deepEqual(operands, ["q"]);
  assert.deepEqual(program.instructions.map((instruction) => instruction.code), ["dequantize", "sigmoid", "mul"]);
  assert.deepEqual(program.instructions.at(-1)!.args, [1, 2]);
});

Deno.test("merge() passes through a program without instructions", () => {
  const copy: NamedProgram = { operands: ["a"], program: { inputs: 1, instructions: [] } };
  const outer: NamedProgram = { operands: ["b", "x"], program: ADD };
  assert.deepEqual(merge(outer, "x", copy), {
    operands: ["a", "b"],
    program: { inputs: 2, instructions: [{ code: "add", args: [1, 0] }] },
  });
  assert.deepEqual(merge({ ...copy, operands: ["y"] }, "y", outer), outer);
});

Deno.test("merge() refuses an operand that the program does not read", () => {
  assert.throws(() => merge({ operands: ["a", "b"], program: ADD }, "c", { operands: ["x"], program: HSWISH }), {
    name: "RangeError",
    message: /"c"/,
  });
});

Deno.test("fused() refuses what the kernel cannot hold", () => {
  const long: Program = {
    inputs: 1,
    instructions: Array.from({ length: MAX_INSTRUCTIONS + 1 }, (_, i): Instruction => ({ code: "neg", args: [i] })),
  };
  assert.equal(fits(long), false);
  assert.throws(() => fused(long, "f32"), { name: "RangeError", message: /17/ });
  assert.throws(() => fused(HSWISH, "f32", "x").infer([{ dtype: "i32", shape: [1] }]), { name: "TypeError" });
  assert.ok(MAX_F32 === Math.fround(MAX_F32));
});
