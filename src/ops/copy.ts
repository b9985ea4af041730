/** Changing the layout of a tensor. @module */
import type { Launch, Operand } from "../gpu/launch.ts";
import { copyLaunch, placedCopy, same } from "./_strided.ts";

/** The launch that copies a tensor (input 0) into another layout (output 0); padding becomes zero. */
export function relayout(from: Operand, to: Operand): Launch {
  return copyLaunch(placedCopy(from, to, from.shape.map((size, axis) => same(axis, size)), 0));
}
