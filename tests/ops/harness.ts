/** Runs operators by their definition and by their kernels. */
import assert from "node:assert/strict";
import { encode, GpuContext } from "../../src/gpu/context.ts";
import { openGpu } from "../../src/gpu/device.ts";
import type { Operand } from "../../src/gpu/launch.ts";
import { arrange, bytesOf, type Layout, physicalOf } from "../../src/gpu/layout.ts";
import { allocateMemory } from "../../src/gpu/memory.ts";
import type { Op, Target } from "../../src/ops/op.ts";
import { writesBlocks } from "../../src/runtime/values.ts";
import { allocate, type DType, sizeOf, type Tensor, tensor } from "../../src/tensor/tensor.ts";

const gpu = Deno.env.get("ACQUA_BACKEND") === "cpu" ? null : await openGpu();
/** Kernels run as on this adapter, and as on a real GPU: wide workgroups, no textures. */
export const devices: readonly { readonly context: GpuContext; readonly target: Target }[] = gpu
  ? [
    { context: new GpuContext(gpu), target: { lanes: gpu.software ? 8 : 64 } as Target },
    { context: new GpuContext({ ...gpu, textureBytes: 0 }), target: { lanes: 64 } as Target },
  ]
  : [];
Deno.test.afterAll(() => devices[0]?.context[Symbol.dispose]());

/** Why the kernels are not tested, or `null` where they are. */
export const noGpu: string | null = gpu ? null : "no WebGPU adapter";

/** What an operator is given and how closely its kernel must agree with its definition. */
export interface Case {
  /** The operator, its attributes bound. */
  readonly op: Op;
  /** Its inputs; `null` for one that is left out. */
  readonly inputs: readonly (Tensor | null)[];
  /** Numbers of the inputs that are constants of the graph (weights, shapes). */
  readonly constants?: readonly number[];
  /** What the definition must give, where it is known from elsewhere. */
  readonly outputs?: readonly Tensor[];
  /** Allowed difference `atol + rtol * |reference|` of f32 results; integers are always exact. */
  readonly atol?: number;
  readonly rtol?: number;
  /** Runs on the CPU alone, for operators that only shape arithmetic uses. */
  readonly cpuOnly?: true;
  /** The present layouts of the inputs; plain where missing. */
  readonly layouts?: readonly Layout[];
}

/** Registers tests of each case: definition against the given outputs, kernel against definition. */
export function testOp(name: string, cases: Record<string, Case>): void {
  for (const [title, c] of Object.entries(cases)) {
    Deno.test(`${name} ${title} (reference)`, () => {
      const results = c.op.reference(c.inputs);
      const known = c.inputs.map((input, i) => input && (c.constants?.includes(i) ? input : withoutData(input)));
      assert.deepEqual(
        c.op.infer(known).map(({ dtype, shape }) => ({ dtype, shape: [...shape] })),
        results.map(({ dtype, shape }) => ({ dtype, shape: [...shape] })),
      );
      c.outputs?.forEach((expected, i) => assertClose(results[i]!, expected, c.atol ?? 1e-5, c.rtol ?? 1e-5));
    });
    if (c.cpuOnly || c.op.view) continue;
    Deno.test({
      name: `${name} ${title} (webgpu)`,
      ignore: gpu === null,
      fn: async () => {
        const expected = c.op.reference(c.inputs);
        for (const device of devices) {
          const results = await runOnGpu(c, device);
          expected.forEach((tensor, i) => assertClose(results[i]!, tensor, c.atol ?? 1e-5, c.rtol ?? 1e-5));
        }
      },
    });
  }
}

function withoutData({ dtype, shape }: Tensor): { dtype: DType; shape: readonly number[] } {
  return { dtype, shape };
}

/** Compares tensors: f32 within `atol + rtol * |expected|`, all else exactly. */
export function assertClose(actual: Tensor, expected: Tensor, atol: number, rtol: number): void {
  assert.equal(actual.dtype, expected.dtype);
  assert.deepEqual([...actual.shape], [...expected.shape]);
  for (let i = 0; i < expected.data.length; i++) {
    const [a, e] = [actual.data[i]!, expected.data[i]!];
    const near = expected.dtype === "f32"
      ? Object.is(a, e) || a === e || (Number.isNaN(a) && Number.isNaN(e)) ||
        Math.abs(a - e) <= atol + rtol * Math.abs(e)
      : a === e;
    if (!near) {
      assert.fail(`Element ${i} of ${expected.data.length}: got ${a}, expected ${e} (shape [${expected.shape}])`);
    }
  }
}

/** Runs one operator by its launches, in the layouts that it asks for. */
export async function runOnGpu(
  { op, inputs, constants = [], layouts: present = [] }: Case,
  { context, target } = devices[0]!,
): Promise<Tensor[]> {
  const { device, textureBytes } = context.gpu;
  const textures = textureBytes > 0;
  const operand = (input: Tensor | null, i: number, layout: Layout): Operand | null =>
    input && { ...(constants.includes(i) ? input : withoutData(input)), layout };
  const before = inputs.map((input, i) => operand(input, i, present[i] ?? "plain"));
  const types = op.infer(before);
  const layouts = op.layouts?.(before, types) ??
    { inputs: inputs.map((): Layout => "plain"), outputs: types.map((): Layout => "plain") };
  const operands = inputs.map((input, i) => operand(input, i, layouts.inputs[i] ?? "plain"));
  const outputs = types.map((type, i): Operand => ({ ...type, layout: layouts.outputs[i]! }));
  const launches = op.lower!(operands, outputs, target);
  const sources = inputs.map((input, i) => {
    if (!input) return null;
    const data = arrange(input, layouts.inputs[i] ?? "plain");
    const memory = allocateMemory(device, data.byteLength, textures ? "2d" : "buffer", "input");
    memory.write(data);
    return memory;
  });
  const results = outputs.map((o, i) => {
    const inBlocks = launches.every(({ shader, bindings }) =>
      bindings.every((binding, b) => !("output" in binding) || binding.output !== i || writesBlocks(shader, b))
    );
    return allocateMemory(device, bytesOf(o, o.layout), textures && inBlocks ? "2d" : "buffer", "output");
  });
  device.pushErrorScope("validation");
  const { dispatches, uniforms } = await context.bind(launches, () => ({ inputs: sources, outputs: results }));
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  encode(pass, dispatches);
  pass.end();
  const reads = outputs.map((o, i) => {
    const size = bytesOf(o, o.layout);
    const read = device.createBuffer({ size, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
    results[i]!.copyTo(encoder, read, 0, size);
    return read;
  });
  device.queue.submit([encoder.finish()]);
  const error = await device.popErrorScope();
  if (error) throw new Error(error.message);
  const tensors: Tensor[] = [];
  for (const [i, read] of reads.entries()) {
    await read.mapAsync(GPUMapMode.READ);
    tensors.push(disarrange(outputs[i]!, read.getMappedRange().slice(0)));
    read.unmap();
  }
  for (const memory of [...sources, ...results, ...reads, uniforms]) memory?.destroy();
  return tensors;
}

/** The inverse of `arrange`, for any layout. */
function disarrange(operand: Operand, bytes: ArrayBuffer): Tensor {
  const { dtype, shape, layout } = operand;
  const { strides } = physicalOf(operand, layout);
  const source = dtype === "f32"
    ? new Float32Array(bytes)
    : dtype === "i8" || dtype === "u8"
    ? new Int8Array(bytes)
    : new Int32Array(bytes);
  const data = allocate(dtype, sizeOf(shape));
  for (let i = 0; i < data.length; i++) {
    let [rest, at] = [i, 0];
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      at += (rest % shape[axis]!) * strides[axis]!;
      rest = Math.floor(rest / shape[axis]!);
    }
    data[i] = source[at]! + (dtype === "u8" ? 128 : 0);
  }
  return { dtype, shape, data };
}

/** Numbers in [low, high) from a fixed seed. */
export function random(shape: readonly number[], seed = 1, low = -1, high = 1): Tensor {
  let state = seed >>> 0;
  return tensor(
    "f32",
    shape,
    Float32Array.from({ length: sizeOf(shape) }, () => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return low + (state / 2 ** 32) * (high - low);
    }),
  );
}

/** Whole numbers in [-128, 127] from a fixed seed. */
export function random8(shape: readonly number[], seed = 1): Tensor {
  return tensor("i8", shape, Int8Array.from(random(shape, seed, -128, 128).data, Math.floor));
}
