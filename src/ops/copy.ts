/** Changing the layout of a tensor. @module */
import type { Launch, Operand } from "../gpu/launch.ts";
import { copyView, viewOf } from "./view.ts";

/** The launch that copies a tensor (input 0) into another layout (output 0); padding becomes zero. */
export function relayout(from: Operand, to: Operand): Launch {
  return copyView(viewOf(from, from.layout), to);
}
