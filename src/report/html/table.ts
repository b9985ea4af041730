/** Tables. @module */
import { type Content, type Markup, markup } from "./markup.ts";

/** A column: its title, and whether it holds numbers, which are aligned at the right. */
export interface Column {
  /** The title. */
  readonly title: string;
  /** What it holds. Default `"text"`. */
  readonly kind?: "text" | "number" | "name";
}

/** A row: its cells, and what sets it off from others. */
export interface Row {
  /** The cells. */
  readonly cells: readonly Content[];
  /** Its class, where it stands out. */
  readonly mark?: string;
}

/** Rows that are shown before a table gets a window of its own to scroll in. */
const LONG = 24;

/** A table under a caption for those who hear the page. */
export function table(caption: string, columns: readonly Column[], rows: readonly Row[]): Markup {
  const classes = columns.map(({ kind }) =>
    kind === "number" ? markup` class="n"` : kind === "name" ? markup` class="name"` : null
  );
  const content = markup`<table><caption>${caption}</caption><thead><tr>${
    columns.map(({ title }, i) => markup`<th scope="col"${classes[i]}>${title}</th>`)
  }</tr></thead><tbody>
${
    rows.map(({ cells, mark }) =>
      markup`<tr${mark ? markup` class="${mark}"` : null}>${
        cells.map((cell, i) => markup`<td${classes[i]}>${cell}</td>`)
      }</tr>
`
    )
  }</tbody></table>`;
  return rows.length > LONG
    ? markup`<div class="scroll long" tabindex="0" role="region" aria-label="${caption}">${content}</div>`
    : markup`<div class="scroll">${content}</div>`;
}

/** The name of something in a model: it may hold anything, so it is kept from changing what stands around it. */
export function nameText(name: string): Markup {
  return markup`<code>${name}</code>`;
}
