/** The parts that all charts share. @module */
import { type Content, type Markup, markup } from "./markup.ts";
import type { Scale } from "./scale.ts";

/** The width of a chart, in the units that its text is measured in: about a pixel on a page of full width. */
export const WIDTH = 920;

/** A chart with what is said about it. */
export interface Figure {
  /** Unique on the page. */
  readonly id: string;
  /** What it shows, for those who do not see it. */
  readonly title: string;
  /** What there is to see in it, in a sentence or two. */
  readonly description: string;
  /** Its height. */
  readonly height: number;
  /** Its shapes. */
  readonly shapes: Content;
  /** What stands below it. */
  readonly caption?: Content;
  /** The same data as a table that unfolds; left out where it stands below. */
  readonly table?: Content;
}

/** A chart with its caption, and its data as a table that unfolds. */
export function figure({ id, title, description, height, shapes, caption, table }: Figure): Markup {
  return markup`<figure id="${id}">
<svg viewBox="0 0 ${WIDTH} ${height}" role="img" aria-labelledby="${id}-title ${id}-desc">
<title id="${id}-title">${title}</title><desc id="${id}-desc">${description}</desc>
${shapes}</svg>${caption ? markup`<figcaption>${caption}</figcaption>` : null}${
    table ? markup`<details><summary>Data as a table</summary>${table}</details>` : null
  }</figure>`;
}

/** A rectangle that data are drawn in. */
export interface Plot {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

/** A horizontal axis below a plot, with its title. */
export function xAxis({ left, right, top, bottom }: Plot, scale: Scale, title: string, grid = false): Markup {
  return markup`<g class="axis">${
    scale.ticks.map((tick) => {
      const x = round(scale.at(tick));
      return markup`${
        grid ? markup`<path class="grid" d="M${x} ${top}V${bottom}"/>` : markup`<path d="M${x} ${bottom}v4"/>`
      }<text x="${x}" y="${bottom + 16}" text-anchor="middle">${scale.text(tick)}</text>`;
    })
  }<path d="M${left} ${bottom}H${right}"/><text class="label" x="${round((left + right) / 2)}" y="${
    bottom +
    34
  }" text-anchor="middle">${title}</text></g>`;
}

/** A vertical axis at the left of a plot with lines across it, and its title above. */
export function yAxis({ left, right, top }: Plot, scale: Scale, title: string): Markup {
  return markup`<g class="axis">${
    scale.ticks.map((tick) => {
      const y = round(scale.at(tick));
      return markup`<path class="grid" d="M${left} ${y}H${right}"/><text x="${left - 7}" y="${
        y + 4
      }" text-anchor="end">${scale.text(tick)}</text>`;
    })
  }<text class="label" x="${left - 42}" y="${top - 12}">${title}</text></g>`;
}

/** A coordinate to a tenth. */
export function round(value: number): number {
  return Math.round(value * 10) / 10;
}

/** A mark of the legend. */
export interface LegendEntry {
  /** The class of the mark. */
  readonly mark: string;
  /** What it means. */
  readonly text: string;
}

/** What the marks of a chart mean, in a line above it. */
export function legend(entries: readonly LegendEntry[]): Markup {
  return markup`<p class="legend">${
    entries.map(({ mark, text }) => markup`<span><i class="${mark}"></i>${text}</span>`)
  }</p>`;
}
