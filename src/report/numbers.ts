/** Numbers as people read them. @module */
import { format } from "@std/fmt/bytes";

/** A metric or a drop, to four decimals. */
export function metricText(value: number, signed = false): string {
  const rounded = Math.abs(value) >= 1e4 || (value !== 0 && Math.abs(value) < 1e-4)
    ? value.toExponential(3)
    : value.toFixed(4);
  const text = Number(rounded) === 0 ? rounded.replace("-", "") : rounded;
  return signed && value >= 0 ? `+${text}` : text;
}

/** A size in units of 1000. */
export const bytesText = format as (bytes: number) => string;

/** A number to some significant digits, with an exponent where it is far from 1. */
export function digitsText(value: number, digits = 3): string {
  if (value === 0 || !Number.isFinite(value)) return value === 0 ? "0" : value > 0 ? "∞" : value < 0 ? "−∞" : "–";
  const size = Math.floor(Math.log10(Math.abs(value)));
  if (size < -4 || size > 5) return value.toExponential(digits - 1);
  return size >= digits ? value.toFixed(0) : value.toPrecision(digits);
}

/** A share as a percentage. */
export function percentText(share: number): string {
  const percent = 100 * share;
  if (percent === 0) return "0 %";
  if (percent < 0.01) return "< 0.01 %";
  return `${percent >= 10 ? percent.toFixed(0) : percent.toPrecision(2)} %`;
}

/** Milliseconds to three digits. */
export function msText(ms: number): string {
  return `${ms >= 100 ? ms.toFixed(0) : ms >= 10 ? ms.toFixed(1) : ms >= 1 ? ms.toFixed(2) : ms.toFixed(3)} ms`;
}

/** A time that a person waits. */
export function durationText(seconds: number): string {
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 100) return `${Math.round(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 100 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** A whole number with its thousands apart, and what it counts. */
export function countText(count: number, noun: string): string {
  return `${groupedText(count)} ${noun}${count === 1 ? "" : "s"}`;
}

/** A whole number with its thousands apart. */
export function groupedText(count: number): string {
  return Math.round(count).toString().replace(/\B(?=(\d{3})+$)/g, ",");
}
