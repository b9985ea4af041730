/** Running one test of the suite on a backend. */
import onnxProto from "onnx-proto";
import { openModel } from "../../src/runtime/model.ts";
import type { Backend } from "../../src/runtime/backend.ts";
import { readModel } from "../../src/runtime/read_model.ts";
import { readTensor } from "../../src/onnx/tensor.ts";
import { isReal, type Tensor } from "../../src/tensor/tensor.ts";
import type { NodeTest } from "./node_tests.ts";

const { onnx: schema } = onnxProto;

/** What ONNX gives its backends. */
const [RTOL, ATOL] = [1e-3, 1e-7];

/** Reads, opens and runs a test's model; returns what is wrong with its outputs, or `null`. */
export async function failureOf(test: NodeTest, backend: Backend): Promise<string | null> {
  try {
    const graph = readModel(test.bytes, { file: test.name });
    await using model = openModel(graph, backend);
    const inputs = Object.fromEntries(model.inputs.map(({ name }, i) => [name, tensorOf(test.inputs[i]!)]));
    const results = await model.run(inputs);
    for (const [i, { name }] of model.outputs.entries()) {
      const difference = differenceOf(results[name], tensorOf(test.outputs[i]!));
      if (difference) return `output "${name}": ${difference}`;
    }
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function tensorOf(file: Uint8Array): Tensor {
  return readTensor(schema.TensorProto.decode(file));
}

function differenceOf(actual: Tensor | undefined, expected: Tensor): string | null {
  if (!actual) return "it is missing";
  if (actual.dtype !== expected.dtype) return `its type is ${actual.dtype}, expected ${expected.dtype}`;
  if (actual.shape.join() !== expected.shape.join()) {
    return `its shape is [${actual.shape}], expected [${expected.shape}]`;
  }
  for (const [i, e] of expected.data.entries()) {
    const a = actual.data[i]!;
    const near = a === e || (Number.isNaN(a) && Number.isNaN(e)) ||
      (isReal(expected.dtype) && Math.abs(a - e) <= ATOL + RTOL * Math.abs(e));
    if (!near) return `element ${i} of ${expected.data.length} is ${a}, expected ${e}`;
  }
  return null;
}
