/** From numbers to places on a chart. @module */

/** A mapping of numbers to coordinates, with round numbers to mark on its axis. */
export interface Scale {
  /** The coordinate of a number. */
  at(value: number): number;
  /** Round numbers in the domain, in order. */
  readonly ticks: readonly number[];
  /** A tick as text. */
  text(tick: number): string;
}

/** Steps of 1, 2 or 5 times a power of ten. */
function roundStep(span: number, count: number): number {
  const least = span / count;
  const power = 10 ** Math.floor(Math.log10(least));
  return power * ([1, 2, 5].find((factor) => factor * power >= least * (1 - 1e-9)) ?? 10);
}

/**
 * A linear scale.
 *
 * @param domain The least and the greatest number.
 * @param range Their coordinates.
 * @param count Ticks at most.
 */
export function linearScale(
  [low, high]: readonly [number, number],
  [start, end]: readonly [number, number],
  count: number,
): Scale {
  const span = high > low ? high - low : 1;
  const step = roundStep(span, count);
  const decimals = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor((low + span) / step + 1e-9);
  return {
    at: (value) => start + (end - start) * (value - low) / span,
    ticks: Array.from({ length: last - first + 1 }, (_, i) => (first + i) * step),
    text: (tick) => Math.abs(tick) < step / 2 ? "0" : tick.toFixed(decimals),
  };
}

/**
 * A logarithmic scale; numbers below its domain lie at its start.
 *
 * @param domain The least and the greatest number, both above 0.
 */
export function logScale(
  [low, high]: readonly [number, number],
  [start, end]: readonly [number, number],
): Scale {
  const [first, last] = [
    Math.floor(Math.log10(low)),
    Math.max(Math.ceil(Math.log10(high)), Math.floor(Math.log10(low)) + 1),
  ];
  const step = Math.ceil((last - first) / 6);
  return {
    at: (value) => start + (end - start) * (Math.log10(Math.max(value, 10 ** first)) - first) / (last - first),
    ticks: Array.from({ length: Math.floor((last - first) / step) + 1 }, (_, i) => 10 ** (first + i * step)),
    text: powerText,
  };
}

/**
 * A scale that is logarithmic on both sides of 0 and linear below `threshold`.
 *
 * @param domain The least and the greatest number: 0 lies between them or is one of them.
 */
export function signedLogScale(
  [low, high]: readonly [number, number],
  [start, end]: readonly [number, number],
  threshold: number,
): Scale {
  const unit = 10 ** Math.floor(Math.log10(threshold));
  const bend = (value: number): number => Math.sign(value) * Math.log10(1 + Math.abs(value) / unit);
  const [from, to] = [bend(low), bend(high)];
  const decades = (limit: number): number[] => {
    const count = Math.floor(Math.log10(Math.max(limit / unit, 1)) + 1e-9);
    const step = Math.max(1, Math.ceil(count / 4));
    return Array.from({ length: Math.floor(count / step) }, (_, i) => unit * 10 ** ((i + 1) * step));
  };
  return {
    at: (value) => start + (end - start) * (bend(value) - from) / (to - from),
    ticks: [...decades(-low).map((tick) => -tick).reverse(), 0, ...decades(high)],
    text: powerText,
  };
}

function powerText(tick: number): string {
  if (tick === 0) return "0";
  const power = Math.round(Math.log10(Math.abs(tick)));
  if (power < -3 || power > 3) return `${tick < 0 ? "-" : ""}1e${power}`;
  return tick.toFixed(Math.max(0, -power));
}

/** The least and the greatest of some numbers, with room around them. */
export function padded(values: readonly number[], share = 0.06): readonly [number, number] {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const room = (high > low ? high - low : Math.abs(high) || 1) * share;
  return [low - room, high + room];
}
