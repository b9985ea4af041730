/** Bars in the order of the network: in rows with their names, or side by side where they are many. @module */
import { type Plot, round, WIDTH, yAxis } from "./chart.ts";
import { type Markup, markup } from "./markup.ts";
import { shortNames } from "./names.ts";
import { linearScale, logScale, type Scale } from "./scale.ts";

/** A bar, or several that belong together. */
export interface Bar {
  /** What it belongs to. */
  readonly name: string;
  /** Its place in the network, from 1 on. */
  readonly place: number;
  /** Whether that is kept in FP32. */
  readonly reverted: boolean;
  /** A length for each series; `null` where there is none. */
  readonly values: readonly (number | null)[];
}

/** How bars are drawn. */
export interface BarStyle {
  /** What is drawn, with its unit. */
  readonly title: string;
  /** The class of each series; `"group"`: by whether it is kept in FP32. */
  readonly series: readonly ("group" | "int8" | "fp32" | "dot other")[];
  /** A length as text. */
  readonly text: (value: number) => string;
  /** Whether the axis is logarithmic where lengths differ by more than a hundred times. */
  readonly logarithmic: boolean;
}

/** Shapes and the height that they take. */
export interface Bars {
  readonly shapes: Markup;
  readonly height: number;
  /** Whether the axis is logarithmic. */
  readonly logarithmic: boolean;
}

/** Bars that are drawn in rows at most. */
export const MOST_ROWS = 48;

/** Letters of a name that are shown at most, and the width of one. */
const [NAME_LETTERS, LETTER_WIDTH] = [38, 6.8];

/** Space at the end of a bar for its number. */
const NUMBER_WIDTH = 64;

/** How much lengths must differ for a logarithmic axis. */
const SPREAD = 100;

function scaleOf(bars: readonly Bar[], range: readonly [number, number], { logarithmic }: BarStyle): [Scale, boolean] {
  const lengths = bars.flatMap(({ values }) => values).filter((value): value is number => value !== null && value > 0);
  const most = Math.max(...lengths, 0);
  const least = Math.min(...lengths, most);
  if (logarithmic && most > SPREAD * least && least > 0) {
    return [logScale([Math.max(least, most / 1e6), most], range), true];
  }
  return [linearScale([0, most || 1], range, 6), false];
}

/** One row for each bar, with its name and number. */
export function barRows(bars: readonly Bar[], style: BarStyle): Bars {
  const thick = style.series.length > 1 ? 11 : 12;
  const step = style.series.length * thick + (style.series.length > 1 ? 8 : 7);
  const names = shortNames(bars.map(({ name }) => name), NAME_LETTERS);
  const nameEnd = Math.ceil(18 + LETTER_WIDTH * Math.max(0, ...names.map((name) => name.length)));
  const [top, left] = [44, nameEnd + 8];
  const bottom = top + bars.length * step;
  const [scale, logarithmic] = scaleOf(bars, [left, WIDTH - NUMBER_WIDTH], style);
  const grid = scale.ticks.map((tick) => {
    const x = round(scale.at(tick));
    return markup`<path class="grid" d="M${x} ${top - 4}V${bottom}"/><text x="${x}" y="${
      top - 9
    }" text-anchor="middle">${scale.text(tick)}</text>`;
  });
  const rows = bars.map(({ name, place, reverted, values }, row) => {
    const y = top + row * step + 3;
    const own = values.map((value, i) => {
      if (value === null) return null;
      const end = Math.max(left + 1, round(scale.at(value)));
      const at = y + i * thick;
      const kind = style.series[i] === "group" ? reverted ? "fp32" : "int8" : style.series[i];
      return markup`<rect class="${kind}" x="${left}" y="${at}" width="${round(end - left)}" height="${
        thick - 1
      }"/><text class="${values.length > 1 ? "value small" : "value"}" x="${round(end + 5)}" y="${
        at + thick / 2 +
        3.5
      }">${style.text(value)}</text>`;
    });
    const middle = y + style.series.length * thick / 2 + 4;
    return markup`<g><title>${place}. ${name}</title>${
      reverted ? markup`<path class="mark" d="M2 ${middle - 9}l8 5l-8 5z"/>` : null
    }<text class="name" x="${nameEnd}" y="${middle}" text-anchor="end">${names[row]}</text>${own}</g>`;
  });
  const shapes = markup`<g class="axis">${grid}<text class="label" x="${left}" y="14">${style.title}${
    logarithmic ? " (log scale)" : ""
  }</text></g>${rows}<g class="axis"><path d="M${left} ${top - 4}V${bottom}"/></g>`;
  return { shapes, height: bottom + 8, logarithmic };
}

/** All bars side by side, without names; those kept in FP32 carry a mark above them. One series. */
export function barStrip(bars: readonly Bar[], style: BarStyle): Bars {
  const plot: Plot = { left: 60, top: 44, right: WIDTH - 8, bottom: 250 };
  const [scale, logarithmic] = scaleOf(bars, [plot.bottom, plot.top + 10], style);
  const step = (plot.right - plot.left) / bars.length;
  const width = Math.max(0.6, step * (step > 4 ? 0.75 : 0.9));
  const shown = bars.map(({ name, place, reverted, values: [value = null] }, i) => {
    const x = round(plot.left + i * step + (step - width) / 2);
    const y = value === null ? plot.bottom : Math.min(plot.bottom - 1, round(scale.at(value)));
    const middle = x + width / 2;
    return markup`<g><title>${place}. ${name}${value === null ? "" : `: ${style.text(value)}`}${
      reverted ? ", in FP32" : ""
    }</title><rect class="${reverted ? "fp32" : "int8"}" x="${x}" y="${y}" width="${
      round(
        width,
      )
    }" height="${round(plot.bottom - y)}"/>${
      reverted ? markup`<path class="mark" d="M${round(middle - 4)} ${y - 10}h8l-4 6z"/>` : null
    }</g>`;
  });
  const marks = linearScale([1, bars.length], [plot.left + step / 2, plot.right - step / 2], 12);
  const places = marks.ticks.filter((tick) => tick >= 1 && tick <= bars.length && Number.isInteger(tick)).map((tick) =>
    markup`<text x="${round(marks.at(tick))}" y="${plot.bottom + 16}" text-anchor="middle">${tick}</text>`
  );
  const shapes = markup`${
    yAxis(plot, scale, `${style.title}${logarithmic ? " (log scale)" : ""}`)
  }${shown}<g class="axis"><path d="M${plot.left} ${plot.bottom}H${plot.right}"/>${places}<text class="label" x="${
    round(
      (plot.left + plot.right) / 2,
    )
  }" y="${plot.bottom + 34}" text-anchor="middle">place in the network, from the inputs to the outputs</text></g>`;
  return { shapes, height: plot.bottom + 44, logarithmic };
}
