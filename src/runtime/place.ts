/** Where the values of a schedule lie. @module */
import type { Operand } from "../gpu/launch.ts";
import { blockOf, bytesOf, type Layout, physicalOf } from "../gpu/layout.ts";
import type { Moved } from "../ops/_movement.ts";
import { liesIn, movedView, reshapedView, type View, viewOf } from "../ops/view.ts";
import type { TensorType } from "../tensor/tensor.ts";

/** Memory that becomes a region, or a part of the life of one. */
export interface Storage {
  /** Elements in it, with padding. */
  readonly length: number;
  /** Bytes that it needs. */
  readonly bytes: number;
  /** The number of the last launch that reads or writes it. */
  last: number;
  /** Whether kernels write it in whole blocks only, so that it may be a texture. */
  inBlocks: boolean;
}

/** Where a tensor lies. What is a view of another shares its storage. */
export interface Place {
  /** The tensor in the layout that its view is, or else in one that it is best copied to. */
  readonly operand: Operand;
  /** Where its elements lie in the storage. */
  readonly view: View;
  /** What it lies in. */
  readonly storage: Storage;
}

/** A place for a tensor in a storage of its own. */
export function create({ dtype, shape }: TensorType, layout: Layout): Place {
  const operand: Operand = { dtype, shape, layout };
  const { length } = physicalOf(operand, layout);
  const storage: Storage = { length, bytes: bytesOf(operand, layout), last: -1, inBlocks: true };
  return { operand, view: viewOf(operand, layout), storage };
}

/**
 * The place of a tensor that holds elements of another without a copy, or `null` where strides cannot say it.
 *
 * @param moved Where the elements lie in the other; `null` where they are the same in the same row-major order.
 * @param wanted The layout for a copy of it.
 */
export function viewAt(
  { view: from, storage }: Place,
  type: TensorType,
  moved: Moved | null,
  wanted: Layout,
): Place | null {
  const view = moved ? movedView(from, moved) : reshapedView(from, type.shape);
  if (!view) return null;
  const { dtype, shape } = type;
  return { operand: { dtype, shape, layout: layoutFor(view, type, storage, wanted) }, view, storage };
}

const LAYOUTS: readonly Layout[] = ["plain", "rows", "nhwc", "cols"];

/** The layout that a view is; else the one to copy it to: as wanted, but with padded rows unless they are short. */
function layoutFor(view: View, type: TensorType, { length }: Storage, wanted: Layout): Layout {
  const own = LAYOUTS.find((layout) => liesIn(view, type, layout, length));
  const long = type.shape.length > 1 && type.shape.at(-1)! >= blockOf(type.dtype);
  return own ?? (wanted === "plain" && long ? "rows" : wanted);
}

/** Whether a tensor lies as a layout says. */
export function isIn({ operand, view, storage }: Place, layout: Layout): boolean {
  return liesIn(view, operand, layout, storage.length);
}

/** Whether a tensor lies in its layout, so that kernels can read it there. */
export function isDirect(place: Place): boolean {
  return isIn(place, place.operand.layout);
}
