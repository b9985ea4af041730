/** Which operators run on a GPU. @module */
import type { Operand } from "../gpu/launch.ts";
import type { Op } from "../ops/op.ts";
import { type KnownType, sizeOf, type TensorType } from "../tensor/tensor.ts";

/** The types that kernels compute; values of others are indices and shapes, which the host needs soon. */
const COMPUTED: ReadonlySet<string> = new Set(["f32", "i8", "u8"]);

/** Whether a computed value has no elements; files spell inputs that they leave out as empty constants. */
function isEmpty(type: KnownType | null): boolean {
  return type !== null && !type.data && sizeOf(type.shape) === 0;
}

/**
 * Whether an operator runs on a GPU; those that do not are computed by the host as their definition says.
 *
 * The host also computes what is empty, and what gives neither real numbers nor 8-bit integers.
 *
 * @param inputs `null` for one that is left out.
 * @param outputs `null` for one that nothing reads.
 */
export function hasKernel(
  op: Op,
  inputs: readonly (KnownType | null)[],
  outputs: readonly (TensorType | null)[],
): boolean {
  if (outputs.includes(null) || [...inputs, ...outputs].some(isEmpty)) return false;
  const types = outputs.flatMap((type) => type ?? []);
  if (!types.some(({ dtype }) => COMPUTED.has(dtype))) return false;
  if (op.view) return true;
  if (!op.lower) return false;
  const plain = inputs.map((type): Operand | null => type && { ...type, layout: "plain" });
  try {
    const layouts = op.layouts?.(plain, types);
    op.lower(
      plain.map((own, i) => own && { ...own, layout: layouts?.inputs[i] ?? "plain" }),
      types.map((type, i) => ({ ...type, layout: layouts?.outputs[i] ?? "plain" })),
      { lanes: 8 },
    );
    return true;
  } catch (error) {
    if (error instanceof TypeError && !/^Cannot (read|set) propert|is not (a function|iterable)/.test(error.message)) {
      return false;
    }
    if (error instanceof RangeError) return false;
    throw error;
  }
}
