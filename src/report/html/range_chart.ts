/** The ranges of quantized values. @module */
import type { ReportRange } from "../data.ts";
import { digitsText, percentText } from "../numbers.ts";
import { figure, legend, round, WIDTH } from "./chart.ts";
import { type Content, type Markup, markup } from "./markup.ts";
import { shortNames } from "./names.ts";
import { linearScale, type Scale, signedLogScale } from "./scale.ts";
import { nameText, table } from "./table.ts";

/** Ranges that are drawn in rows with their names at most; more are drawn side by side. */
const MOST_ROWS = 48;

/** Letters of a name that are shown at most, and the width of one. */
const [NAME_LETTERS, LETTER_WIDTH] = [34, 6.8];

/** How many times the widest range must be the narrowest for an axis that is logarithmic on both sides of 0. */
const SPREAD = 30;

/** A chart of the ranges of activations, and a table of all ranges. */
export function rangeSection(ranges: readonly ReportRange[]): Markup {
  const activations = ranges.filter(({ kind, seen }) => kind === "activation" && seen);
  if (activations.length === 0) return rangeTable(ranges);
  const many = activations.length > MOST_ROWS;
  const { shapes, height } = many ? strip(activations) : rows(activations);
  const clipped = activations.filter((own) => (own.clipped ?? 0) > 0).length;
  return markup`${
    legend([
      { mark: "span", text: "representable in 8 bits" },
      { mark: "int8", text: "values seen" },
      { mark: "fp32", text: "values seen that are clipped" },
    ])
  }${
    figure({
      id: "range-chart",
      title: "Ranges of activations, in the order of the network",
      description: `${activations.length} activations; of ${clipped} some values are clipped.`,
      height,
      shapes,
      caption: many ? "The value of each bar is named when the pointer rests on it." : null,
    })
  }${note(ranges)}${rangeTable(ranges)}`;
}

function note(ranges: readonly ReportRange[]): Content {
  if (ranges.every(({ used }) => used)) return null;
  return markup`<p>Grey: no operation reads it in INT8 in the model that was written.</p>`;
}

function scaleFor(ranges: readonly ReportRange[], place: readonly [number, number], count: number): Scale {
  const ends = ranges.flatMap(({ representable, seen = [0, 0] }) => [...representable, ...seen]);
  const domain = [Math.min(0, ...ends), Math.max(0, ...ends)] as const;
  const [least, most] = widthsOf(ranges);
  return isSpread(ranges)
    ? signedLogScale(domain, place, Math.max(least, most / 1e6))
    : linearScale(domain, place, count);
}

/** The width of the narrowest and of the widest range, from 0. */
function widthsOf(ranges: readonly ReportRange[]): readonly [number, number] {
  const widths = ranges.map(({ representable: [low, high] }) => Math.max(Math.abs(low), Math.abs(high)));
  return [Math.min(...widths), Math.max(...widths)];
}

function isSpread(ranges: readonly ReportRange[]): boolean {
  const [least, most] = widthsOf(ranges);
  return most > SPREAD * least;
}

function axisTitle(ranges: readonly ReportRange[]): string {
  return `value of the activation${isSpread(ranges) ? " (log scale on both sides of 0)" : ""}`;
}

/** Where something begins and ends on an axis, begin first. */
function between(scale: Scale, [low, high]: readonly [number, number]): [number, number] {
  const [a, b] = [round(scale.at(low)), round(scale.at(high))];
  return a < b ? [a, b] : [b, a];
}

/** The parts of what is seen: below, within and above what is representable. */
function parts({ seen = [0, 0], representable: [low, high] }: ReportRange): [string, [number, number]][] {
  const [least, greatest] = seen;
  const pieces: [string, [number, number]][] = [
    ["fp32", [least, Math.min(low, greatest)]],
    ["int8", [Math.max(least, low), Math.min(greatest, high)]],
    ["fp32", [Math.max(high, least), greatest]],
  ];
  // Half a step beyond the ends is rounded, not clipped.
  const step = (high - low) / 510;
  return pieces.filter(([kind, [from, to]]) => to - from > (kind === "fp32" ? step : 0));
}

function titleOf({ value, seen = [0, 0], representable, clipped }: ReportRange): string {
  return `${value}: seen ${spanText(seen)}, representable ${spanText(representable)}` +
    (clipped ? `, ${percentText(clipped)} clipped` : "");
}

function rows(ranges: readonly ReportRange[]): { shapes: Markup; height: number } {
  const names = shortNames(ranges.map(({ value }) => value), NAME_LETTERS);
  const nameEnd = Math.ceil(8 + LETTER_WIDTH * Math.max(...names.map((name) => name.length)));
  const [left, top, step] = [nameEnd + 10, 44, 18];
  const bottom = top + ranges.length * step;
  const scale = scaleFor(ranges, [left, WIDTH - 70], 8);
  const grid = scale.ticks.map((tick) => {
    const x = round(scale.at(tick));
    return markup`<path class="grid" d="M${x} ${top - 4}V${bottom}"/><text x="${x}" y="${
      top - 9
    }" text-anchor="middle">${scale.text(tick)}</text>`;
  });
  const zero = round(scale.at(0));
  const shapes = markup`<g class="axis">${grid}<path d="M${zero} ${
    top - 4
  }V${bottom}"/><text class="label" x="${left}" y="14">${axisTitle(ranges)}</text></g>
${
    ranges.map((range, row) => {
      const y = top + row * step + 2;
      const [start, end] = between(scale, range.representable);
      const share = range.clipped ?? 0;
      return markup`<g><title>${titleOf(range)}</title><text class="name" x="${nameEnd}" y="${
        y + 10
      }" text-anchor="end">${names[row]}</text><rect class="span" x="${start}" y="${y}" width="${
        round(end - start)
      }" height="13"/>${
        parts(range).map(([kind, piece]) => {
          const [from, to] = between(scale, piece);
          return markup`<rect class="${kind}" x="${from}" y="${y + 4}" width="${
            Math.max(1, round(to - from))
          }" height="5"/>`;
        })
      }${
        share > 0 ? markup`<text class="value" x="${WIDTH - 62}" y="${y + 11}">${percentText(share)}</text>` : null
      }</g>
`;
    })
  }`;
  return { shapes, height: bottom + 6 };
}

function strip(ranges: readonly ReportRange[]): { shapes: Markup; height: number } {
  const [left, top, bottom] = [60, 34, 288];
  const scale = scaleFor(ranges, [bottom, top], 8);
  const step = (WIDTH - 8 - left) / ranges.length;
  const grid = scale.ticks.map((tick) => {
    const y = round(scale.at(tick));
    return markup`<path class="grid" d="M${left} ${y}H${WIDTH - 8}"/><text x="${left - 7}" y="${
      y + 4
    }" text-anchor="end">${scale.text(tick)}</text>`;
  });
  const width = round(Math.max(0.6, step * 0.8));
  const shapes = markup`<g class="axis">${grid}<path d="M${left} ${round(scale.at(0))}H${
    WIDTH - 8
  }"/><text class="label" x="18" y="14">${axisTitle(ranges)}</text><text class="label" x="${
    (left + WIDTH - 8) / 2
  }" y="${bottom + 20}" text-anchor="middle">activations, from the inputs to the outputs</text></g>
${
    ranges.map((range, i) => {
      const x = round(left + i * step);
      const bar = (kind: string, piece: readonly [number, number]): Markup => {
        const [from, to] = between(scale, piece);
        return markup`<rect class="${kind}" x="${x}" y="${from}" width="${width}" height="${
          Math.max(1, round(to - from))
        }"/>`;
      };
      return markup`<g><title>${titleOf(range)}</title>${bar("span", range.representable)}${
        parts(range).map(([kind, piece]) => bar(kind, piece))
      }</g>
`;
    })
  }`;
  return { shapes, height: bottom + 30 };
}

function spanText([low, high]: readonly [number, number]): string {
  return `${digitsText(low)} … ${digitsText(high)}`;
}

/** The ranges of quantized values. */
function rangeTable(ranges: readonly ReportRange[]): Markup {
  const whole = ([low, high]: readonly [number, number]): string => low === high ? String(low) : `${low} … ${high}`;
  const both = ([low, high]: readonly [number, number]): string =>
    low === high ? digitsText(low) : `${digitsText(low)} … ${digitsText(high)}`;
  return table(
    "Ranges of quantized values, in the order of the network",
    [
      { title: "value", kind: "name" },
      { title: "kind" },
      { title: "seen", kind: "number" },
      { title: "representable", kind: "number" },
      { title: "scale", kind: "number" },
      { title: "zero point", kind: "number" },
      { title: "clipped", kind: "number" },
    ],
    ranges.map((own) => ({
      cells: [
        nameText(own.value),
        `${own.kind}, ${own.dtype}${own.channels > 1 ? `, ${own.channels} channels` : ""}`,
        own.seen ? spanText(own.seen) : "",
        spanText(own.representable),
        both(own.scale),
        whole(own.zeroPoint),
        own.clipped === undefined ? "" : percentText(own.clipped),
      ],
      ...(!own.used && { mark: "unused" }),
    })),
  );
}
