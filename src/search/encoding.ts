/** Numbers as JSON holds them: without loss, and short where they are many. @module */

/** A number; what JSON has no form for, as a string. */
export function encodeNumber(value: number): number | string {
  return Number.isFinite(value) ? value : String(value);
}

/** Numbers: a string of digits where all are 0 or 1, else a list. */
export function encodeNumbers(values: readonly number[]): string | (number | string)[] {
  return values.every((value) => value === 0 || value === 1) ? values.join("") : values.map(encodeNumber);
}

/** What {@linkcode encodeNumbers} was given. */
export function decodeNumbers(encoded: unknown): number[] {
  return Array.from(encoded as string | (number | string)[], Number);
}

/** The bytes of a typed array in base64. */
export function encodeArray({ buffer, byteOffset, byteLength }: ArrayBufferView): string {
  const bytes = new Uint8Array(buffer, byteOffset, byteLength);
  let text = "";
  for (let i = 0; i < bytes.length; i += 0x8000) text += String.fromCharCode(...bytes.subarray(i, i + 0x8000));
  return btoa(text);
}

/** The bytes that {@linkcode encodeArray} was given. */
export function decodeArray(encoded: unknown): ArrayBuffer {
  const text = atob(String(encoded));
  return Uint8Array.from(text, (character) => character.charCodeAt(0)).buffer;
}
