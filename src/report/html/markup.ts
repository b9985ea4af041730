/** HTML made safely: whatever is put into it is escaped. @module */

/** Text that is HTML already; only {@linkcode markup} makes it. */
export class Markup {
  readonly #text: string;

  /** Takes HTML as it is. */
  constructor(text: string) {
    this.#text = text;
  }

  /** The HTML. */
  toString(): string {
    return this.#text;
  }
}

/** What can stand in HTML: `null` and `undefined` leave nothing. */
export type Content = Markup | string | number | null | undefined | readonly Content[];

/** HTML with values in it, each escaped for text and for quoted attributes. */
export function markup(parts: TemplateStringsArray, ...values: readonly Content[]): Markup {
  return new Markup(parts.reduce((text, part, i) => text + textOf(values[i - 1]) + part));
}

function textOf(content: Content): string {
  if (content === null || content === undefined) return "";
  if (content instanceof Markup) return content.toString();
  return typeof content === "object" ? content.map(textOf).join("") : escapeText(String(content));
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** Text for HTML. Control characters, which HTML cannot hold, become their pictures. */
export function escapeText(text: string): string {
  return text.toWellFormed()
    .replace(/[&<>"']/g, (letter) => ENTITIES[letter]!)
    // deno-lint-ignore no-control-regex
    .replace(/[\0-\x08\x0b\x0c\x0e-\x1f]/g, (control) => String.fromCharCode(0x2400 + control.charCodeAt(0)));
}
