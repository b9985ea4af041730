import assert from "node:assert/strict";
import fc from "fast-check";
import { levelsOf, parametersOf, type QuantizerForm } from "../../src/quant/parameters.ts";
import { quantize, rangeOf } from "../../src/tensor/quantization.ts";

const SYMMETRIC: QuantizerForm = { kind: "activation", mode: "symmetric", narrowRange: false };
const ASYMMETRIC: QuantizerForm = { ...SYMMETRIC, mode: "asymmetric" };
const WEIGHT: QuantizerForm = { kind: "weight", mode: "symmetric", narrowRange: true };
const WIDE: QuantizerForm = { ...WEIGHT, narrowRange: false };

const ranges = (min: number | number[], max: number | number[]) => ({
  min: Float32Array.from([min].flat()),
  max: Float32Array.from([max].flat()),
});

/** What NNCF 3.2 gives for ranges: with the file of NNCF.md 8.3, and by its formulas. */
const known: [name: string, QuantizerForm, ReturnType<typeof ranges>, low: number[], high: number[], count: number][] =
  [
    ["weights, narrow", WEIGHT, ranges(0.0027385, 0.9972099), [-0.9972099], [0.9972099], 255],
    ["weights", WIDE, ranges(0.0027385, 0.9972099), [-1.0050620], [0.9972099], 256],
    [
      "half the range, narrow",
      { ...WEIGHT, halfRange: true },
      ranges(0.0027385, 0.9972099),
      [-1.9944198],
      [1.9944198],
      255,
    ],
    ["half the range", { ...WIDE, halfRange: true }, ranges(0.0027385, 0.9972099), [-2.0340540], [2.0022719], 256],
    ["symmetric, positive", SYMMETRIC, ranges(0.0027385, 0.9972099), [0], [0.9972099], 256],
    ["asymmetric, positive", ASYMMETRIC, ranges(0.0027385, 0.9972099), [0], [0.9972099], 256],
    ["symmetric, signed", SYMMETRIC, ranges(-1, 2), [-2.0157480], [2], 256],
    ["symmetric, unsigned", SYMMETRIC, ranges(0, 2), [0], [2], 256],
    ["asymmetric", ASYMMETRIC, ranges(-1, 2), [-1], [2], 256],
    ["asymmetric, widened for its zero", ASYMMETRIC, ranges(-0.1, 6), [-0.1], [6.275], 256],
    ["asymmetric, above zero", ASYMMETRIC, ranges(0.5, 6), [0], [6], 256],
    ["asymmetric, below zero", ASYMMETRIC, ranges(-3, -1), [-3], [0], 256],
    ["asymmetric, nothing but zero", ASYMMETRIC, ranges(0, 0), [-0.0008063], [0.0008], 256],
    ["symmetric, nothing but zero", SYMMETRIC, ranges(0, 0), [0], [8e-5], 256],
    ["weights by channel", WEIGHT, ranges([-0.5, -0.001, 0], [0.5, 0.001, 0]), [-0.5, -0.005, -0.005], [
      0.5,
      0.005,
      0.005,
    ], 255],
    ["half the range of 0.5", { ...WEIGHT, halfRange: true }, ranges(-0.5, 0.5), [-1], [1], 255],
  ];

for (const [name, form, given, low, high, count] of known) {
  Deno.test(`levelsOf() gives the levels of NNCF: ${name}`, () => {
    const levels = levelsOf(given, form);
    assert.equal(levels.count, count);
    const near = (actual: Float32Array, expected: number[]) =>
      expected.forEach((x, c) =>
        assert(Math.abs(actual[c]! - x) <= 5e-8 + 1e-7 * Math.abs(x), `${actual[c]} is not ${x}`)
      );
    near(levels.low, low);
    near(levels.high, high);
  });
}

Deno.test("parametersOf() gives h / 127 at zero point 0 for signed symmetric, h / 255 for unsigned, and half for half the range", () => {
  const scaleOf = (form: QuantizerForm, min: number, max: number) => {
    const { dtype, scale, zeroPoint, axis } = parametersOf(ranges(min, max), form, null);
    return [dtype, scale[0]!, zeroPoint[0]!, axis];
  };
  const f32 = Math.fround;
  assert.deepEqual(scaleOf(WEIGHT, -1, 2), ["i8", f32(2 / 127), 0, null]);
  assert.deepEqual(scaleOf(SYMMETRIC, -1, 2), ["i8", f32(2 / 127), 0, null]);
  assert.deepEqual(scaleOf(SYMMETRIC, 0, 2), ["u8", f32(2 / 255), 0, null]);
  assert.deepEqual(scaleOf({ ...SYMMETRIC, signed: true }, 0, 2), ["i8", f32(2 / 127), 0, null]);
  assert.deepEqual(scaleOf({ ...SYMMETRIC, signed: false }, -1, 2), ["u8", f32(2 / 255), 0, null]);
  assert.deepEqual(scaleOf({ ...WEIGHT, halfRange: true }, -1, 2), ["i8", f32(4 / 127), 0, null]);
  assert.deepEqual(scaleOf(ASYMMETRIC, -1, 2), ["i8", f32(3 / 255), -43, null]);
  assert.deepEqual(scaleOf(ASYMMETRIC, 0, 255), ["u8", 1, 0, null]);
});

Deno.test("parametersOf() refuses half the range for anything but symmetric weights", () => {
  for (const form of [{ ...SYMMETRIC, halfRange: true }, { ...WEIGHT, mode: "asymmetric" as const, halfRange: true }]) {
    assert.throws(() => parametersOf(ranges(-1, 1), form, null), { name: "RangeError", message: /symmetric weights/ });
  }
});

Deno.test("parametersOf() holds zero exactly and every number of the range to a step, whatever the range", () => {
  const numbers = fc.float({ min: -1e6, max: 1e6, noNaN: true });
  const forms = fc.record({
    kind: fc.constantFrom("activation" as const, "weight" as const),
    mode: fc.constantFrom("symmetric" as const, "asymmetric" as const),
    narrowRange: fc.boolean(),
  });
  fc.assert(fc.property(numbers, numbers, forms, (a, b, form) => {
    const [min, max] = [Math.min(a, b), Math.max(a, b)];
    const upper = form.mode === "symmetric" ? Math.max(Math.abs(a), Math.abs(b)) : max;
    const { dtype, scale, zeroPoint } = parametersOf(ranges(min, upper), form, null);
    const [step, zero] = [scale[0]!, zeroPoint[0]!];
    const [low, high] = rangeOf(dtype);
    assert(step > 0 && low <= zero && zero <= high);
    for (const x of [0, min, max]) {
      const back = (quantize(x, step, zero, [low, high]) - zero) * step;
      assert(Math.abs(back - x) <= step * 0.5001 + 1e-6 * Math.abs(x), `${x} became ${back} at a step of ${step}`);
    }
  }));
});
