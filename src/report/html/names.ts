/** Names that are too long for a chart. @module */

/**
 * Names of at most so many characters that still tell things apart: where some are longer, what all begin with and end in
 * goes first, up to a separator, then the middle.
 */
export function shortNames(names: readonly string[], length: number): string[] {
  if (names.every((name) => name.length <= length) || names.length < 2) return names.map((name) => cut(name, length));
  const head = commonStart(names).search(/[^/._:]*$/);
  const rests = names.map((name) => name.slice(head));
  const ends = commonStart(rests.map(reversed)).search(/[^/._:]*$/);
  return rests.map((rest) => {
    const start = head > 1 ? "…" : names[0]!.slice(0, head);
    return cut(`${start}${ends > 1 ? `${rest.slice(0, rest.length - ends)}…` : rest}`, length);
  });
}

function commonStart([first = "", ...others]: readonly string[]): string {
  let length = first.length;
  for (const name of others) {
    while (!name.startsWith(first.slice(0, length))) length--;
  }
  return first.slice(0, length);
}

function reversed(text: string): string {
  return [...text].reverse().join("");
}

function cut(name: string, length: number): string {
  if (name.length <= length) return name;
  const head = Math.ceil((length - 1) / 3);
  return `${name.slice(0, head)}…${name.slice(name.length - (length - 1 - head))}`;
}
