/** Pad. @module */
import { allocate, normalizeAxis, sizeOf, stridesOf } from "../tensor/tensor.ts";
import { movement } from "./_movement.ts";
import { eachPosition, indexOf } from "./_nd.ts";
import { knownNumbers, numberOf, numbersOf, type Op, type OpFactory, required, stringOf } from "./op.ts";

/** Pad: pads from attributes before operator set 11, from inputs since. What is not a constant has no kernel. */
export const pad: OpFactory = (attributes, opset): Op => {
  const mode = stringOf(attributes, "mode", "constant");
  const constant = movement(([x, padsInput, valueInput, axesInput]) => {
    const { shape } = required(x, "data");
    const pads = opset < 11 ? numbersOf(attributes, "pads") ?? [] : knownNumbers(padsInput, "pads");
    const value = opset < 11 ? numberOf(attributes, "value", 0) : 0;
    const fill = opset >= 11 && valueInput ? knownNumbers(valueInput, "constant_value")[0] ?? 0 : value;
    const axes = axesInput ? knownNumbers(axesInput, "axes") : shape.map((_, axis) => axis);
    if (pads.length !== 2 * axes.length) {
      throw new RangeError(`Pad needs ${2 * axes.length} "pads" for ${axes.length} axes: current value is [${pads}]`);
    }
    const before = shape.map(() => 0);
    const out = [...shape];
    axes.forEach((given, i) => {
      const axis = normalizeAxis(given, shape.length);
      before[axis] = pads[i]!;
      out[axis] = shape[axis]! + pads[i]! + pads[i + axes.length]!;
    });
    if (out.some((dim) => dim < 0)) throw new RangeError(`Pad "pads" take more away than [${shape}] has: [${pads}]`);
    const placements = shape.map((dim, axis) => ({
      axis,
      start: -before[axis]!,
      step: 1,
      low: Math.max(0, before[axis]!),
      high: Math.min(out[axis]!, before[axis]! + dim),
    }));
    return [{ shape: out, placements, fill }];
  }, true);
  if (mode === "constant") return constant;
  const find = Object.hasOwn(MODES, mode) ? MODES[mode] : undefined;
  if (!find) {
    throw new TypeError(
      `Pad "mode" must be one of constant, ${Object.keys(MODES).join(", ")}: current value is "${mode}"`,
    );
  }
  return {
    infer: (inputs) => constant.infer(inputs),
    reference: (inputs) => {
      const { dtype, shape, data } = required(inputs[0], "data");
      const [moved] = constant.moves!(inputs)!;
      const strides = stridesOf(shape);
      const out = allocate(dtype, sizeOf(moved!.shape));
      eachPosition(moved!.shape, (position, i) => {
        const from = position.map((own, axis) => find(own + moved!.placements[axis]!.start, shape[axis]!));
        out[i] = data[indexOf(from, strides)]!;
      });
      return [{ dtype, shape: moved!.shape, data: out }];
    },
  };
};

/** Where on an axis the element lies that stands at a position outside of it. */
const MODES: Readonly<Record<string, (position: number, size: number) => number>> = {
  edge: (position, size) => Math.min(Math.max(position, 0), size - 1),
  reflect: (position, size) => {
    const turn = Math.max(1, 2 * (size - 1));
    const along = ((position % turn) + turn) % turn;
    return along < size ? along : turn - along;
  },
  wrap: (position, size) => ((position % size) + size) % size,
};
