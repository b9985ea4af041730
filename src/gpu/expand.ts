/**
 * Plain WGSL with its `const` lines set, its `// @unroll` loops written out, its `// @choose` branches taken or left out, and
 * its arrays in textures where these are read faster.
 *
 * Register tiles reach their speed only without loops: KERNELS measured 10.9 against 6.2 GFLOP/s for one file, because
 * the driver keeps an array in registers only where every index is a literal.
 *
 * @module
 */
import { inTextures, type TextureForm } from "./bindings.ts";

/** Expanded WGSL, with the line of the file that each line came from. */
export interface Expanded {
  /** The code to compile. */
  readonly code: string;
  /** For each line of `code`, the 1-based line of the source. */
  readonly lines: readonly number[];
}

interface Line {
  readonly text: string;
  readonly number: number;
}

const CONSTANT = /^const (\w+): u32 = (\d+);/;
const CHOICE = /^(\s*)if \((\w+) == (\d+)u\) \{ \/\/ @choose$/;
const LOOP = /^(\s*)for \(var (\w+) = 0u; \2 < (\w+); \2\+\+\) \{ \/\/ @unroll$/;

/**
 * Sets constants, moves arrays to textures and writes out loops.
 *
 * `const NAME: u32 = 1;` lines take the values in `constants`. A loop
 * `for (var i = 0u; i < LIMIT; i++) { // @unroll`, closed by a brace in the same column, is repeated LIMIT times with
 * `i` replaced by a literal; LIMIT is a number or one of the constants. A branch `if (NAME == 1u) { // @choose`, closed
 * likewise and without an else, is left out where the constant has another value: compilers drop it too, but only after
 * they have read it, loops and all.
 *
 * @param textures The bindings that are textures, by number.
 * @throws {RangeError} Where a constant, or the limit of a loop, is not in the source, or an array cannot be a texture.
 */
export function expand(
  source: string,
  constants: Readonly<Record<string, number>>,
  textures: ReadonlyMap<number, TextureForm> = new Map(),
): Expanded {
  const values = new Map<string, number>();
  const unknown = new Set(Object.keys(constants));
  const lines = inTextures(source, textures).split("\n").map((text, i): Line => {
    const match = text.match(CONSTANT);
    if (!match) return { text, number: i + 1 };
    const name = match[1]!;
    const value = constants[name] ?? Number(match[2]);
    unknown.delete(name);
    values.set(name, value);
    return { text: text.replace(CONSTANT, `const ${name}: u32 = ${value};`), number: i + 1 };
  });
  if (unknown.size > 0) throw new RangeError(`The shader has no constant ${[...unknown].join(", ")}`);
  const expanded = unroll(lines, values);
  return { code: expanded.map((line) => line.text).join("\n"), lines: expanded.map((line) => line.number) };
}

/** The line that closes the block opened at line `start`: a brace in the same column. */
function closing(lines: readonly Line[], start: number, indent: string): number {
  const end = lines.findIndex((line, j) => j > start && line.text === `${indent}}`);
  if (end < 0) {
    throw new RangeError(`The block at line ${lines[start]!.number} is not closed: "${lines[start]!.text.trim()}"`);
  }
  return end;
}

function unroll(lines: readonly Line[], values: ReadonlyMap<string, number>): Line[] {
  const out: Line[] = [];
  for (let i = 0; i < lines.length; i++) {
    const choice = lines[i]!.text.match(CHOICE);
    if (choice) {
      const [, indent, name, value] = choice;
      const end = closing(lines, i, indent!);
      if (!values.has(name!)) {
        throw new RangeError(`Cannot choose at line ${lines[i]!.number}: there is no constant ${name}`);
      }
      if (values.get(name!) === Number(value)) {
        out.push(lines[i]!, ...unroll(lines.slice(i + 1, end), values), lines[end]!);
      }
      i = end;
      continue;
    }
    const match = lines[i]!.text.match(LOOP);
    if (!match) {
      out.push(lines[i]!);
      continue;
    }
    const [, indent, variable, limit] = match;
    const count = /^\d+u?$/.test(limit!) ? parseInt(limit!) : values.get(limit!);
    const end = closing(lines, i, indent!);
    if (count === undefined) {
      throw new RangeError(`Cannot unroll the loop at line ${lines[i]!.number}: "${lines[i]!.text.trim()}"`);
    }
    const body = lines.slice(i + 1, end);
    const name = new RegExp(`\\b${variable}\\b`, "g");
    for (let turn = 0; turn < count; turn++) {
      const own = body.map(({ text, number }) => ({ text: text.replace(name, `${turn}u`), number }));
      out.push({ text: `${indent}{`, number: lines[i]!.number }, ...unroll(own, values), {
        text: `${indent}}`,
        number: lines[end]!.number,
      });
    }
    i = end;
  }
  return out;
}
