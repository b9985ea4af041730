import assert from "node:assert/strict";
import fc from "fast-check";
import { roundUp } from "../../src/gpu/layout.ts";
import { conv } from "../../src/ops/conv.ts";
import type { Attributes, AttributeValue } from "../../src/graph/graph.ts";
import type { Epilogue, IntegerEpilogue, Op } from "../../src/ops/op.ts";
import { MAX_F32, type Program } from "../../src/ops/pointwise.ts";
import { type Tensor, tensor } from "../../src/tensor/tensor.ts";
import { type Case, random, random8, testOp } from "./harness.ts";

const NONE: Attributes = new Map();

type Given = Record<string, AttributeValue>;

const attributesOf = (given: Given): Attributes => new Map(Object.entries(given));

/** A case in f32. The tolerance allows for sums taken in another order. */
function float(x: number[], w: number[], given: Given = {}, epilogue: Epilogue = {}, bias = true): Case {
  return {
    op: conv(attributesOf(given), 13, epilogue),
    inputs: [random(x, 1), random(w, 2), bias ? random([w[0]!], 3) : null],
    constants: [1, 2],
    atol: 2e-5,
    rtol: 1e-5,
  };
}

const multipliers = (count: number): Float32Array =>
  Float32Array.from(random([count], 7, 0.0005, 0.003).data as Float32Array);

function bias32(count: number): Tensor {
  return tensor("i32", [count], Int32Array.from(random([count], 5, -4000, 4000).data, Math.round));
}

/** A case in integers, with results in i8 or f32. */
function integer(x: number[], w: number[], given: Given = {}, to: "i8" | "f32" = "i8", epilogue: Epilogue = {}): Case {
  const out = to === "i8" ? { zero: -7, low: -120, high: 127 } : null;
  const integer = { xZero: -13, wZero: 0, multiplier: multipliers(w[0]!), out };
  return {
    op: conv(attributesOf(given), 13, { ...epilogue, integer }),
    inputs: [random8(x, 1), random8(w, 2), bias32(w[0]!)],
    constants: [1, 2],
    atol: 0,
    rtol: 0,
  };
}

const SHAPES: Record<string, [x: number[], w: number[], given?: Given]> = {
  "3x3 of 3 channels to 10": [[2, 3, 9, 7], [10, 3, 3, 3], { pads: [1, 1, 1, 1] }],
  "3x3 of 20 channels to 33": [[1, 20, 8, 8], [33, 20, 3, 3], { pads: [1, 1, 1, 1] }],
  "3x3, enough pixels for the largest tile": [[8, 16, 16, 16], [32, 16, 3, 3], { pads: [1, 1, 1, 1] }],
  "1x1": [[3, 17, 5, 5], [24, 17, 1, 1]],
  "a single pixel": [[1, 40, 1, 1], [10, 40, 1, 1]],
  "stride 2": [[1, 8, 11, 10], [12, 8, 3, 3], { strides: [2, 2], pads: [1, 1, 1, 1] }],
  "asymmetric pads and strides": [[1, 5, 9, 8], [6, 5, 3, 2], { strides: [1, 3], pads: [0, 2, 3, 1] }],
  "dilation": [[1, 4, 12, 12], [4, 4, 3, 3], { dilations: [2, 3], pads: [2, 0, 2, 3] }],
  "SAME_UPPER": [[1, 4, 7, 8], [4, 4, 4, 3], { auto_pad: "SAME_UPPER", strides: [2, 2] }],
  "SAME_LOWER": [[1, 4, 7, 8], [4, 4, 4, 3], { auto_pad: "SAME_LOWER", strides: [2, 2] }],
  "VALID": [[1, 4, 7, 8], [4, 4, 3, 3], { auto_pad: "VALID" }],
  "groups of whole blocks": [[1, 32, 6, 6], [24, 16, 3, 3], { group: 2, pads: [1, 1, 1, 1] }],
  "groups of singles and pairs": [[1, 6, 6, 6], [9, 2, 3, 3], { group: 3, pads: [1, 1, 1, 1] }],
  "a channel multiplier": [[2, 5, 6, 6], [15, 1, 3, 3], { group: 5, pads: [1, 1, 1, 1] }],
  "depthwise 3x3": [[2, 21, 9, 10], [21, 1, 3, 3], { group: 21, pads: [1, 1, 1, 1] }],
  "depthwise 3x3, stride 2": [[1, 32, 9, 10], [32, 1, 3, 3], { group: 32, strides: [2, 2], pads: [0, 1, 1, 0] }],
  "depthwise 5x5": [[1, 16, 7, 9], [16, 1, 5, 5], { group: 16, pads: [2, 2, 2, 2] }],
  "depthwise 5x5, stride 2": [[1, 6, 13, 13], [6, 1, 5, 5], { group: 6, strides: [2, 2], pads: [2, 2, 2, 2] }],
  "depthwise 3x3, dilated": [[1, 6, 9, 9], [6, 1, 3, 3], { group: 6, dilations: [2, 2], pads: [2, 2, 2, 2] }],
  "depthwise 3x3, dilated rows": [[1, 6, 9, 9], [6, 1, 3, 3], { group: 6, dilations: [2, 1], pads: [2, 1, 2, 1] }],
  "depthwise, wide kernel": [[1, 4, 3, 30], [4, 1, 1, 21], { group: 4 }],
  "1-D": [[2, 5, 17], [7, 5, 4], { strides: [2], pads: [1, 2], dilations: [1] }],
  "1-D depthwise": [[1, 8, 17], [8, 1, 3], { group: 8, pads: [1, 1] }],
};

for (const [title, [x, w, given]] of Object.entries(SHAPES)) {
  testOp("conv f32", { [title]: float(x, w, given) });
  testOp("conv i8", { [title]: integer(x, w, given), [`${title} to f32`]: integer(x, w, given, "f32") });
}

const HARD_SWISH: Program = {
  inputs: 1,
  instructions: [
    { code: "addp", args: [0], p: 3 },
    { code: "clamp", args: [1], p: 0, q: 6 },
    { code: "mul", args: [0, 2] },
    { code: "mulp", args: [3], p: 1 / 6 },
  ],
};
const RESIDUAL: Program = {
  inputs: 2,
  instructions: [{ code: "add", args: [0, 1] }, { code: "clamp", args: [2], p: 0, q: MAX_F32 }],
};
/** From a float, with one more input of i8 or none, to i8. */
const QUANTIZED: Program = { inputs: 1, instructions: [{ code: "quantize", args: [0], p: 0.37, q: -5 }] };
const REQUANTIZED: Program = {
  inputs: 2,
  instructions: [
    { code: "dequantize", args: [0], p: 0.021, q: -7 },
    { code: "dequantize", args: [1], p: 0.043, q: 3 },
    { code: "add", args: [2, 3] },
    { code: "clamp", args: [4], p: 0, q: MAX_F32 },
    { code: "quantize", args: [5], p: 0.05, q: -128 },
  ],
};
const FLOAT_ADDED: Program = {
  inputs: 2,
  instructions: [{ code: "add", args: [1, 0] }, { code: "quantize", args: [2], p: 0.05, q: 4 }],
};

const CONTINUED: Record<string, [x: number[], w: number[], y: number[], given?: Given]> = {
  "3x3": [[2, 5, 9, 7], [21, 5, 3, 3], [2, 21, 9, 7], { pads: [1, 1, 1, 1] }],
  "1x1 of a single pixel": [[1, 40, 1, 1], [36, 40, 1, 1], [1, 36, 1, 1]],
  "depthwise": [[2, 21, 9, 10], [21, 1, 3, 3], [2, 21, 9, 10], { group: 21, pads: [1, 1, 1, 1] }],
};

for (const [title, [x, w, y, given]] of Object.entries(CONTINUED)) {
  const other = random(y, 11, -2, 2);
  const other8 = random8(y, 12);
  const withOther = (c: Case, extra: Tensor): Case => ({ ...c, inputs: [...c.inputs, extra] });
  const then = (program: Program, dtype: "f32" | "i8") => ({ then: { program, dtype } });
  testOp("conv f32, continued,", {
    [`${title}, h-swish`]: float(x, w, given, then(HARD_SWISH, "f32")),
    [`${title}, residual`]: withOther(float(x, w, given, then(RESIDUAL, "f32")), other),
  });
  testOp("conv i8, continued,", {
    [`${title}, h-swish`]: integer(x, w, given, "f32", then(HARD_SWISH, "f32")),
    [`${title}, residual`]: withOther(integer(x, w, given, "f32", then(RESIDUAL, "f32")), other),
    [`${title}, quantized`]: integer(x, w, given, "f32", then(QUANTIZED, "i8")),
    [`${title}, requantized`]: withOther(integer(x, w, given, "i8", then(REQUANTIZED, "i8")), other8),
    [`${title}, a float added`]: withOther(integer(x, w, given, "f32", then(FLOAT_ADDED, "i8")), other),
  });
}

/** The operator with the padding of its f32 results counted as channels, which must be zero. */
function withPadding(op: Op): Op {
  const padded = (shape: readonly number[]): number[] => shape.map((dim, axis) => axis === 1 ? roundUp(dim, 4) : dim);
  return {
    infer: (inputs) => op.infer(inputs).map(({ dtype, shape }) => ({ dtype, shape: padded(shape) })),
    reference: (inputs) =>
      op.reference(inputs).map(({ dtype, shape, data }) => {
        const [batch, channels, height, width] = shape as [number, number, number, number];
        const [own, all] = [channels, roundUp(channels, 4)].map((count) => count * height * width) as [number, number];
        const out = new Float32Array(batch * all);
        for (let image = 0; image < batch; image++) out.set(data.slice(image * own, (image + 1) * own), image * all);
        return { dtype, shape: padded(shape), data: out };
      }),
    layouts: op.layouts!,
    lower: (inputs, outputs, target) => {
      const types = op.infer(inputs);
      return op.lower!(inputs, outputs.map((output, i) => ({ ...output, ...types[i]! })), target);
    },
  };
}

const CLAMPED: Epilogue = { clamp: [0.25, 0.5] };

for (const title of ["3x3 of 3 channels to 10", "depthwise 3x3", "groups of singles and pairs"]) {
  const [x, w, given] = SHAPES[title]!;
  const [f32, i8] = [float(x, w, given, CLAMPED), integer(x, w, given, "f32", CLAMPED)];
  testOp("conv", {
    [`leaves zeros in the padding of f32 results: ${title}`]: { ...f32, op: withPadding(f32.op) },
    [`leaves zeros in the padding of f32 results of i8: ${title}`]: { ...i8, op: withPadding(i8.op) },
  });
}

const one: IntegerEpilogue = {
  xZero: 0,
  wZero: 0,
  multiplier: Float32Array.of(1),
  out: { zero: 0, low: -128, high: 127 },
};

testOp("conv", {
  "slides by hand": {
    op: conv(attributesOf({ pads: [0, 0, 0, 1], strides: [1, 2] }), 13),
    inputs: [
      tensor("f32", [1, 1, 2, 3], [1, 2, 3, 4, 5, 6]),
      tensor("f32", [1, 1, 2, 2], [1, 10, 100, 1000]),
      tensor("f32", [1], [0.5]),
    ],
    constants: [1, 2],
    outputs: [tensor("f32", [1, 1, 1, 2], [5421.5, 603.5])],
  },
  "counts the padding as the zero point": {
    op: conv(attributesOf({ pads: [0, 1, 0, 1] }), 13, { integer: { ...one, xZero: 4 } }),
    inputs: [tensor("i8", [1, 1, 1, 2], [5, 2]), tensor("i8", [1, 1, 1, 3], [1, 10, 100])],
    constants: [1],
    outputs: [tensor("i8", [1, 1, 1, 2], [-128, -19])], // 10 - 200 saturates; 1 - 20
  },
  "rounds halves to even, then adds the zero point": {
    op: conv(NONE, 13, { integer: { ...one, multiplier: Float32Array.of(0.5), out: { ...one.out!, zero: 1 } } }),
    inputs: [tensor("i8", [1, 1, 1, 4], [1, 3, -1, -3]), tensor("i8", [1, 1, 1, 1], [1])],
    constants: [1],
    outputs: [tensor("i8", [1, 1, 1, 4], [1, 3, 1, -1])],
  },
  "sums extreme values exactly": {
    op: conv(NONE, 13, { integer: { ...one, xZero: 127, multiplier: Float32Array.of(2 ** -20) } }),
    inputs: [
      tensor("i8", [1, 64, 3, 3], new Int8Array(576).fill(-128)),
      tensor(
        "i8",
        [5, 64, 3, 3],
        Int8Array.from({ length: 2880 }, (_, i) => i < 576 ? 127 : i < 1152 ? -128 : i % 256),
      ),
    ],
    constants: [1],
  },
});

Deno.test("conv() in f32 of whole numbers is what its integers give", () => {
  const whole = fc.integer({ min: -9, max: 9 });
  fc.assert(
    fc.property(
      fc.array(whole, { minLength: 32, maxLength: 32 }),
      fc.array(whole, { minLength: 24, maxLength: 24 }),
      fc.constantFrom([1, 1], [2, 1]),
      (x, w, strides) => {
        const attributes = attributesOf({ pads: [1, 0, 1, 1], strides });
        const shapes = [[1, 2, 4, 4], [3, 2, 2, 2]] as const;
        const [real] = conv(attributes, 13).reference([tensor("f32", shapes[0], x), tensor("f32", shapes[1], w)]);
        const [integers] = conv(attributes, 13, { integer: { ...one, out: null } })
          .reference([tensor("i8", shapes[0], x), tensor("i8", shapes[1], w)]);
        assert.deepEqual(Array.from(integers!.data, (v) => v + 0), Array.from(real!.data, (v) => v + 0));
      },
    ),
    { numRuns: 30 },
  );
});

Deno.test("conv() refuses what does not fit", () => {
  const [x, w] = [random([1, 4, 5, 5]), random([6, 4, 3, 3])];
  const infer = (given: Given, a: Tensor = x, b: Tensor = w) => () => conv(attributesOf(given), 13).infer([a, b]);
  assert.throws(infer({ group: 3 }), /"group" must divide/);
  assert.throws(infer({ group: 2 }), RangeError);
  assert.throws(infer({ kernel_shape: [2, 3] }), /kernel_shape/);
  assert.throws(infer({ strides: [0, 1] }), /strides/);
  assert.throws(infer({ pads: [1, 1] }), /pads/);
  assert.throws(infer({ auto_pad: "SAME" }), TypeError);
  assert.throws(infer({ dilations: [3, 3] }), /spans 7 positions/);
  assert.throws(infer({}, random([1, 4, 5, 5, 5]), random([6, 3, 3, 3, 3])), RangeError);
  assert.throws(infer({}, x, random8([6, 4, 3, 3])), TypeError);
});

Deno.test("conv() does not lower weights that are computed", () => {
  const [x, w] = [[1, 4, 5, 5], [6, 4, 3, 3]].map((shape) => ({ dtype: "f32", shape, layout: "nhwc" }) as const);
  const y = { dtype: "f32", shape: [1, 6, 3, 3], layout: "nhwc" } as const;
  assert.throws(() => conv(NONE, 13).lower!([x!, w!], [y], { lanes: 8 }), /constant weights/);
});

Deno.test("Conv of any rank refuses a bias that does not fit", () => {
  for (const space of [[4], [4, 4], [4, 4, 4]]) {
    const window = new Array<number>(space.length).fill(1);
    const inputs = [random([1, 2, ...space], 1), random([3, 2, ...window], 2), random([2], 3)];
    assert.throws(() => conv(new Map(), 13).infer(inputs), /Conv needs a bias of shape \[3\]: current shape is \[2\]/);
  }
});
