/**
 * What a kernel binds, and how it is read from textures instead of buffers.
 *
 * Kernels are written for storage buffers. On CPU adapters a load from a buffer is a loop over the lanes, so there the same
 * source is rewritten: every array becomes a storage texture of blocks of 16 bytes, `x[i]` a load of texel i, `y[i] = v;` a
 * store. Eight lanes of lavapipe on a Zen 3 load 16 bytes each in 205 ns from a buffer, 19 from a sampled
 * texture, whose mip level is looked up each time, 12 from a uniform buffer, 7 from a storage texture.
 *
 * @module
 */

/** Texels in a row of a texture of several rows: texel i lies at (i % TEXTURE_WIDTH, i / TEXTURE_WIDTH). */
export const TEXTURE_WIDTH = 512;

/** How many dimensions a texture has: rows of TEXTURE_WIDTH texels, or one row of any width. */
export type TextureForm = "1d" | "2d";

/** A storage array that a kernel binds. */
export interface StorageBinding {
  /** Its number in group 0. */
  readonly binding: number;
  /** Its name. */
  readonly name: string;
  /** The type of its elements. */
  readonly element: "f32" | "i32" | "u32" | "vec4f" | "vec4i" | "vec4u";
  /** Whether the kernel writes it. */
  readonly written: boolean;
}

const DECLARATION =
  /^@group\(0\) @binding\((\d+)\) var<storage, (read|read_write)> (\w+): array<(f32|i32|u32|vec4f|vec4i|vec4u)>;/;

/** The storage arrays of a kernel. */
export function bindingsOf(source: string): StorageBinding[] {
  return source.split("\n").flatMap((line) => {
    const match = line.match(DECLARATION);
    if (!match) return [];
    const [, binding, access, name, element] = match;
    return [{
      binding: Number(binding),
      name: name!,
      element: element as StorageBinding["element"],
      written: access === "read_write",
    }];
  });
}

/** Whether an array can lie in a texture: it can be read as any type, and written in whole blocks. */
export function fitsTexture({ written, element }: StorageBinding): boolean {
  return !written || element.startsWith("vec4");
}

/**
 * The kernel with some of its arrays in textures. Lines keep their places; what is added comes after the last.
 *
 * @param textures The bindings that are textures, by number.
 * @throws {RangeError} Where the kernel writes single elements of one of them, or reads back what it writes.
 */
export function inTextures(source: string, textures: ReadonlyMap<number, TextureForm>): string {
  const moved = new Map(
    bindingsOf(source).filter(({ binding }) => textures.has(binding)).map((own) => [own.name, own]),
  );
  if (moved.size === 0) return source;
  for (const own of moved.values()) {
    if (!fitsTexture(own)) throw new RangeError(`A kernel writes single elements of "${own.name}": it needs a buffer`);
  }
  const declared = source.split("\n").map((line) => {
    const own = moved.get(line.match(DECLARATION)?.[3] ?? "");
    return own ? line.replace(DECLARATION, declarationOf(own, textures.get(own.binding)!)) : line;
  }).join("\n");
  const accessors = Array.from(moved.values(), (own) => accessorOf(own, textures.get(own.binding)!));
  return rewrite(declared, moved) + accessors.join("");
}

function declarationOf({ binding, name, written }: StorageBinding, form: TextureForm): string {
  const access = written ? "write" : "read";
  return `@group(0) @binding(${binding}) var ${name}: texture_storage_${form}<rgba32uint, ${access}>;`;
}

function accessorOf({ name, element, written }: StorageBinding, form: TextureForm): string {
  const texel = (i: string): string => form === "1d" ? i : `vec2u(${i} % ${TEXTURE_WIDTH}u, ${i} / ${TEXTURE_WIDTH}u)`;
  if (written) {
    return `\nfn ${name}_store(i: u32, value: ${element}) {` +
      ` textureStore(${name}, ${texel("i")}, bitcast<vec4u>(value)); }`;
  }
  const body = element.startsWith("vec4")
    ? `return bitcast<${element}>(textureLoad(${name}, ${texel("i")}));`
    : `let block = i >> 2u; return bitcast<${element}>(textureLoad(${name}, ${texel("block")})[i & 3u]);`;
  return `\nfn ${name}_load(i: u32) -> ${element} { ${body} }`;
}

/** Turns accesses to the moved arrays into calls. */
function rewrite(text: string, moved: ReadonlyMap<string, StorageBinding>): string {
  const access = /\/\/.*|\b(\w+)\[/g;
  let out = "";
  let done = 0;
  for (let match = access.exec(text); match; match = access.exec(text)) {
    const own = match[1] && moved.get(match[1]);
    if (!own) continue;
    const open = match.index + match[0].length;
    const close = closing(text, open);
    const index = `u32(${rewrite(text.slice(open, close), moved)})`;
    out += text.slice(done, match.index);
    done = close + 1;
    if (own.written) {
      const assignment = text.slice(done).match(/^ = ([^;]*);/);
      if (!assignment) throw new RangeError(`A kernel reads back what it writes to "${own.name}": it needs a buffer`);
      out += `${own.name}_store(${index}, ${rewrite(assignment[1]!, moved)});`;
      done += assignment[0].length;
    } else out += `${own.name}_load(${index})`;
    access.lastIndex = done;
  }
  return out + text.slice(done);
}

/** The place of the bracket that closes the one before `start`. */
function closing(text: string, start: number): number {
  let depth = 1;
  for (let at = start; at < text.length; at++) {
    if (text[at] === "[") depth++;
    if (text[at] === "]" && --depth === 0) return at;
  }
  throw new RangeError("A bracket of the kernel is not closed");
}
