/** Short names for long data: the same data give the same name. @module */

/** 32-bit finalizer of MurmurHash3 (Appleby, public domain). */
function mix(h: number): number {
  h ^= h >>> 16;
  h = Math.imul(h, 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** Two running 32-bit sums with different multipliers. They find changed data; they do not withstand an attacker. */
class Digest {
  #a = 0x9e3779b9;
  #b = 0x85ebca77;

  word(value: number): void {
    this.#a = Math.imul(this.#a ^ value, 0x01000193);
    this.#a ^= this.#a >>> 15;
    this.#b = Math.imul(this.#b + value, 0xc2b2ae3d) ^ (this.#b >>> 13);
  }

  text(text: string): void {
    this.word(text.length);
    for (let i = 0; i < text.length; i++) this.word(text.charCodeAt(i));
  }

  bytes(view: ArrayBufferView): void {
    const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
    const { buffer, byteOffset, byteLength } = bytes.byteOffset % 4 === 0 ? bytes : bytes.slice();
    this.word(byteLength);
    const whole = byteLength >> 2;
    const words = new Uint32Array(buffer, byteOffset, whole);
    for (let i = 0; i < words.length; i++) this.word(words[i]!);
    const rest = new Uint8Array(buffer, byteOffset + 4 * whole, byteLength - 4 * whole);
    for (let i = 0; i < rest.length; i++) this.word(rest[i]!);
  }

  value(value: unknown, parents: readonly object[]): void {
    if (typeof value !== "object" || value === null) {
      this.text(typeof value === "function" ? "function" : `${typeof value} ${String(value)}`);
      return;
    }
    if (parents.includes(value)) return this.text("cycle");
    const inner = [...parents, value];
    if (value instanceof ArrayBuffer) {
      this.text("ArrayBuffer");
      this.bytes(new Uint8Array(value));
    } else if (ArrayBuffer.isView(value)) {
      this.text(value.constructor.name);
      this.bytes(value);
    } else if (Array.isArray(value) || value instanceof Map || value instanceof Set) {
      this.text(value.constructor.name);
      for (const part of value) this.value(part, inner);
      this.text("end");
    } else {
      this.text("object");
      for (const [name, part] of Object.entries(value)) {
        this.text(name);
        this.value(part, inner);
      }
      this.text("end");
    }
  }

  get name(): string {
    return [this.#a, this.#b].map((h) => mix(h).toString(16).padStart(8, "0")).join("");
  }
}

/**
 * A name of 16 hexadecimal digits for numbers, strings, typed arrays, and arrays, maps and plain objects of them. Functions
 * all look alike; objects are taken by their own enumerable properties, in order.
 */
export function digestOf(value: unknown): string {
  const digest = new Digest();
  digest.value(value, []);
  return digest.name;
}
