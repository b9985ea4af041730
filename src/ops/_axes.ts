/** Axes of a tensor as they lie in memory, joined where neighbours are as one. @module */
import type { Operand } from "../gpu/launch.ts";
import { physicalOf } from "../gpu/layout.ts";

/** A run of neighbouring axes that are walked as one. */
export interface AxisGroup {
  /** Whether the axes are reduced. */
  readonly reduced: boolean;
  /** Elements along it; with the padding where that is kept in the output. */
  readonly size: number;
  /** The step in the input. */
  readonly stepIn: number;
  /** The step in the output; 0 along reduced axes. */
  readonly stepOut: number;
}

/**
 * The axes of `x` in memory, outermost first, in as few groups as its strides and those of the output allow.
 *
 * @param stepsOut For each logical axis of `x`, the step in the output.
 * @param padded Whether the padding of `x` is walked too.
 */
export function axisGroups(
  x: Operand,
  reduced: ReadonlySet<number>,
  stepsOut: readonly number[],
  padded: boolean,
): AxisGroup[] {
  const { order, sizes, strides } = physicalOf(x, x.layout);
  const groups: AxisGroup[] = [];
  order.forEach((axis, i) => {
    const own: AxisGroup = {
      reduced: reduced.has(axis),
      size: padded ? sizes[i]! : x.shape[axis]!,
      stepIn: strides[axis]!,
      stepOut: reduced.has(axis) ? 0 : stepsOut[axis]!,
    };
    if (own.size === 1) return;
    const outer = groups.at(-1);
    if (
      outer && outer.reduced === own.reduced && outer.stepIn === own.stepIn * own.size &&
      outer.stepOut === own.stepOut * own.size
    ) groups[groups.length - 1] = { ...own, size: own.size * outer.size };
    else groups.push(own);
  });
  return groups;
}

/**
 * The groups as kept, reduced, kept, reduced, kept; those that are missing have one element.
 *
 * @param what What is computed, for the message.
 * @throws {TypeError} Where kept and reduced axes change more often.
 */
export function fiveGroups(
  what: string,
  groups: readonly AxisGroup[],
): [AxisGroup, AxisGroup, AxisGroup, AxisGroup, AxisGroup] {
  const one = (reduced: boolean): AxisGroup => ({ reduced, size: 1, stepIn: 0, stepOut: 0 });
  const five: [AxisGroup, AxisGroup, AxisGroup, AxisGroup, AxisGroup] = [
    one(false),
    one(true),
    one(false),
    one(true),
    one(false),
  ];
  let place = 4;
  for (const group of groups.toReversed()) {
    if (place >= 0 && five[place]!.reduced !== group.reduced) place--;
    if (place < 0) throw new TypeError(`${what} along these axes is too scattered for the GPU`);
    five[place--] = group;
  }
  return five;
}

/**
 * How many of the 64 invocations of a workgroup share one output: enough to fill the device, each with some elements to
 * read. On lavapipe 1 to 16 are alike for rows of 6625 elements, and 64 is half as fast.
 *
 * @param lanes Invocations that run in step.
 */
export function shareOf(outputs: number, length: number, lanes: number): number {
  let share = 1;
  while (share < 64 && outputs * share < lanes * 64 && length >= share * 8) share *= 2;
  return share;
}
