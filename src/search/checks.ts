/** Checks of options: messages name the option, what it must be, and what it is. @module */

function refuse(name: string, wanted: string, value: unknown): never {
  const got = typeof value === "string" ? JSON.stringify(value) : String(value);
  throw new RangeError(`Option "${name}" must be ${wanted}, got ${got}`);
}

/** Throws a RangeError where a value is not a finite number. */
export function checkNumber(name: string, value: unknown): void {
  if (typeof value !== "number" || !Number.isFinite(value)) refuse(name, "a finite number", value);
}

/** Throws a RangeError where a value is not a whole number of at least 1. */
export function checkCount(name: string, value: unknown): void {
  if (typeof value !== "number" || !Number.isInteger(value) || value < 1) {
    refuse(name, "a whole number of at least 1", value);
  }
}

/** Throws a RangeError where a value is not a number between `least` and 1; above 0 only, where `least` is above 0, below 1 too. */
export function checkShare(name: string, value: unknown, least: number): void {
  const inside = typeof value === "number" && value >= least && (least > 0 ? value < 1 : value <= 1);
  if (!inside) refuse(name, `a number from ${least} to 1`, value);
}

/** Throws a RangeError where a value is not one of those allowed. */
export function checkChoice(name: string, value: unknown, allowed: readonly string[]): void {
  if (!allowed.includes(value as string)) {
    refuse(name, allowed.map((one) => JSON.stringify(one)).join(" or "), value);
  }
}
