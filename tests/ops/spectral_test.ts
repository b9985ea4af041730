import assert from "node:assert/strict";
import { OPS } from "../../src/ops/mod.ts";
import { i64, tensor } from "../../src/tensor/tensor.ts";
import { random, testOp } from "./harness.ts";

const op = (name: string, attributes: Record<string, number> = {}) =>
  OPS[name]!(new Map(Object.entries(attributes)), 20);
const wave = tensor("f32", [1, 4, 1], [1, 0, -1, 0]);

testOp("DFT", {
  "of a wave": {
    op: op("DFT"),
    inputs: [wave],
    outputs: [tensor("f32", [1, 4, 2], [0, 0, 2, 0, 0, 0, 2, 0])],
    cpuOnly: true,
  },
  "its half": {
    op: op("DFT", { onesided: 1 }),
    inputs: [wave],
    outputs: [tensor("f32", [1, 3, 2], [0, 0, 2, 0, 0, 0])],
    cpuOnly: true,
  },
});

Deno.test("DFT undoes itself, whole and from its half", () => {
  const x = random([2, 7, 1], 1);
  const [whole] = op("DFT", { inverse: 1 }).reference(op("DFT").reference([x]));
  const [half] = op("DFT", { inverse: 1, onesided: 1 }).reference([
    ...op("DFT", { onesided: 1 }).reference([x]),
    i64(7),
  ]);
  for (let i = 0; i < 14; i++) {
    assert(Math.abs(whole!.data[2 * i]! - x.data[i]!) < 1e-6);
    assert(Math.abs(half!.data[i]! - x.data[i]!) < 1e-6);
  }
});

testOp("STFT", {
  "of two frames": {
    op: op("STFT"),
    inputs: [tensor("f32", [1, 4, 1], [1, 1, 2, 4]), i64(2), tensor("f32", [2], [1, 1])],
    constants: [1],
    outputs: [tensor("f32", [1, 2, 2, 2], [2, 0, 0, 0, 6, 0, -2, 0])],
    cpuOnly: true,
  },
});
testOp("Det", {
  "of matrices that need a pivot": {
    op: op("Det"),
    inputs: [tensor("f32", [2, 2, 2], [0, 2, 3, 4, 1, 2, 2, 4])],
    outputs: [tensor("f32", [2], [-6, 0])],
    cpuOnly: true,
  },
});

Deno.test("MelWeightMatrix has a triangle for each band", () => {
  const inputs = [i64(2), i64(16), i64(8000), tensor("f32", [], [0]), tensor("f32", [], [4000])];
  const [matrix] = op("MelWeightMatrix").reference(inputs);
  assert.deepEqual(matrix!.shape, [9, 2]);
  for (let band = 0; band < 2; band++) {
    const column = Array.from({ length: 9 }, (_, row) => matrix!.data[row * 2 + band]!);
    assert.equal(Math.max(...column), 1);
  }
});
