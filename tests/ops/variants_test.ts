/** Every variant of the linear kernels that a target may choose gives what the definition gives. */
import fc from "fast-check";
import { conv } from "../../src/ops/conv.ts";
import { matMul } from "../../src/ops/matmul.ts";
import type { Epilogue, Target } from "../../src/ops/op.ts";
import { tensor } from "../../src/tensor/tensor.ts";
import { assertClose, type Case, devices, noGpu, random, random8, runOnGpu } from "./harness.ts";

type Kind = "f32" | "i8" | "i8 to f32";

function epilogueOf(kind: Kind, columns: number): Epilogue {
  if (kind === "f32") return {};
  const multiplier = Float32Array.from(random([columns], 7, 0.0005, 0.003).data);
  const out = kind === "i8" ? { zero: -7, low: -120, high: 127 } : null;
  return { integer: { xZero: -13, wZero: 0, multiplier, out } };
}

function bias(kind: Kind, size: number) {
  return kind === "f32"
    ? random([size], 3)
    : tensor("i32", [size], Int32Array.from(random([size], 5, -4000, 4000).data, Math.round));
}

const tolerance = (kind: Kind) => kind === "f32" ? { atol: 3e-5, rtol: 1e-5 } : { atol: 0, rtol: 0 };

/** Runs a case in every variant that its launches are offered. */
async function runVariants(c: Case): Promise<void> {
  const expected = c.op.reference(c.inputs);
  for (const { context, target } of devices) {
    let count = 1;
    for (let index = 0; index < count; index++) {
      const choose: Target["choose"] = (_, variants) => {
        count = Math.max(count, variants.length);
        return Math.min(index, variants.length - 1);
      };
      const results = await runOnGpu(c, { context, target: { ...target, choose } });
      expected.forEach((own, i) => assertClose(results[i]!, own, c.atol ?? 0, c.rtol ?? 0));
    }
  }
}

const kinds = fc.constantFrom<Kind>("f32", "i8", "i8 to f32");
const size = (max: number) => fc.integer({ min: 1, max });

Deno.test({
  name: "conv() is right in every variant, over random shapes, strides, pads and dilations",
  ignore: noGpu !== null,
  fn: () =>
    fc.assert(
      fc.asyncProperty(
        kinds,
        fc.record({
          batch: size(2),
          channels: fc.constantFrom(1, 3, 4, 16, 21),
          outputs: fc.constantFrom(1, 8, 20, 33),
          image: fc.tuple(size(12), size(12)),
          kernel: fc.tuple(size(3), size(3)),
          stride: fc.tuple(size(2), size(2)),
          pads: fc.array(fc.nat(2), { minLength: 4, maxLength: 4 }),
          dilation: fc.tuple(size(2), size(2)),
        }),
        async (kind, { batch, channels, outputs, image, kernel, stride, pads, dilation }) => {
          const fits = image.every((length, axis) =>
            length + pads[axis]! + pads[axis + 2]! >= (kernel[axis]! - 1) * dilation[axis]! + 1
          );
          fc.pre(fits);
          const attributes = new Map(Object.entries({ strides: stride, pads, dilations: dilation }));
          const numbers = kind === "f32" ? random : random8;
          await runVariants({
            op: conv(attributes, 13, epilogueOf(kind, outputs)),
            inputs: [
              numbers([batch, channels, ...image], 1),
              numbers([outputs, channels, ...kernel], 2),
              bias(kind, outputs),
            ],
            constants: [1, 2],
            ...tolerance(kind),
          });
        },
      ),
      { numRuns: 24, seed: 11 },
    ),
});

Deno.test({
  name: "matMul() is right in every variant, of constant and of computed matrices",
  ignore: noGpu !== null,
  fn: () =>
    fc.assert(
      fc.asyncProperty(
        kinds,
        fc.constantFrom(1, 7, 40, 150),
        fc.constantFrom(1, 5, 16, 37),
        fc.constantFrom(1, 6, 16, 70),
        fc.boolean(),
        async (kind, rows, inner, columns, constant) => {
          const numbers = kind === "f32" ? random : random8;
          await runVariants({
            op: matMul(new Map(), 13, epilogueOf(kind, columns)),
            inputs: [numbers([rows, inner], 1), numbers([inner, columns], 2), constant ? bias(kind, columns) : null],
            constants: constant ? [1, 2] : [],
            ...tolerance(kind),
          });
        },
      ),
      { numRuns: 24, seed: 12 },
    ),
});
