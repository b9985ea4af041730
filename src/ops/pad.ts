/** Pad. @module */
import { normalizeAxis } from "../tensor/tensor.ts";
import { movement } from "./_movement.ts";
import { knownNumbers, numberOf, numbersOf, type Op, type OpFactory, required, stringOf } from "./op.ts";

/** Pad with a constant: pads from attributes before operator set 11, from inputs since. */
export const pad: OpFactory = (attributes, opset): Op => {
  const mode = stringOf(attributes, "mode", "constant");
  if (mode !== "constant") throw new TypeError(`Pad "mode" must be constant: current value is "${mode}"`);
  return movement(([x, padsInput, valueInput, axesInput]) => {
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
};
