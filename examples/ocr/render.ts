/** Draws lines of text for a reader to read: words, amounts and dates in many faces, colours and states of wear. */
import { initWasm, Resvg } from "@resvg/resvg-wasm";
import "dejavu-fonts-ttf/package.json" with { type: "json" };

/** Height of a line in pixels: what the reader was trained on. */
export const LINE_HEIGHT = 48;

/** A picture of a line and what it says. */
export interface Line {
  /** What is written. */
  readonly text: string;
  /** RGBA, `LINE_HEIGHT` rows. */
  readonly pixels: Uint8Array;
  /** Pixels in a row. */
  readonly width: number;
}

const WORDS = (
  "anchor apple autumn basket bridge bronze candle carpet castle cellar copper cotton dragon eleven engine falcon " +
  "father feather forest garden ginger glacier hammer harbor harvest hazel helmet hollow island ivory jacket journey " +
  "kettle kitchen ladder lantern lemon market meadow mirror mountain needle nickel oatmeal orchard oyster paper pebble " +
  "pencil pepper pilot planet pocket quarry rabbit ribbon river saddle salmon season shadow silver spider station " +
  "summer table temple thunder timber tunnel valley velvet village violet walnut weather willow window winter yellow"
).split(" ");

const FACES = [
  ...["", "-Bold", "-Oblique", "-BoldOblique"].flatMap((style) => [
    { family: "DejaVu Sans", file: `DejaVuSans${style}` },
    { family: "DejaVu Sans Condensed", file: `DejaVuSansCondensed${style}` },
    { family: "DejaVu Sans Mono", file: `DejaVuSansMono${style}` },
  ]),
  ...["", "-Bold", "-Italic"].map((style) => ({ family: "DejaVu Serif", file: `DejaVuSerif${style}` })),
];

/** Numbers in [0, 1) from a seed (mulberry32). */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Draws `count` lines, none wider than `maxWidth`; the same seed gives the same lines. */
export async function renderLines(count: number, maxWidth: number, seed: number): Promise<Line[]> {
  await loadRenderer();
  const fonts = FACES.map(({ family, file }) => ({ family, bytes: read(`dejavu-fonts-ttf/ttf/${file}.ttf`) }));
  const random = randomFrom(seed);
  return Array.from({ length: count }, () => renderLine(textOf(random), pick(fonts, random), maxWidth, random));
}

let ready: Promise<void> | null = null;
function loadRenderer(): Promise<void> {
  return ready ??= initWasm(read("@resvg/resvg-wasm/index_bg.wasm"));
}

function read(specifier: string): Uint8Array<ArrayBuffer> {
  return Deno.readFileSync(new URL(import.meta.resolve(specifier)));
}

function pick<T>(items: readonly T[], random: () => number): T {
  return items[Math.floor(random() * items.length)]!;
}

function textOf(random: () => number): string {
  const digits = (low: number, high: number) => String(Math.floor(low + random() * (high - low)));
  const two = (low: number, high: number) => digits(low, high).padStart(2, "0");
  const word = pick(WORDS, random);
  switch (Math.floor(random() * 6)) {
    case 0:
      return word;
    case 1:
      return word.toUpperCase();
    case 2:
      return word[0]!.toUpperCase() + word.slice(1);
    case 3:
      return `${word} ${digits(10, 9999)}`;
    case 4:
      return `${digits(10, 999)}.${two(0, 100)} EUR`;
    default:
      return `${two(1, 29)}.${two(1, 13)}.${digits(1990, 2030)}`;
  }
}

interface Font {
  readonly family: string;
  readonly bytes: Uint8Array;
}

function renderLine(text: string, { family, bytes }: Font, maxWidth: number, random: () => number): Line {
  const dark = random() < 0.3;
  const [ink, paper] = [colour(random, dark ? 75 : 20), colour(random, dark ? 12 : 80)];
  const tilt = (random() - 0.5) * 2;
  const blur = random() < 0.4 ? random() * 0.6 : 0;
  const font = { fontBuffers: [bytes], defaultFontFamily: family };
  const span = (size: number) => `<text font-family="${family}" font-size="${size}">${text}</text>`;

  const measured = new Resvg(`<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1">${span(32)}</svg>`, {
    font,
  });
  const natural = measured.getBBox()!.width / 32;
  measured.free();
  const size = Math.min(26 + random() * 9, (maxWidth - 20) / natural);
  const width = Math.min(Math.ceil(natural * size) + 20, maxWidth);

  const image = new Resvg(
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${LINE_HEIGHT}">
      <filter id="worn" x="-20%" y="-20%" width="140%" height="140%"><feGaussianBlur stdDeviation="${blur}"/></filter>
      <rect width="100%" height="100%" fill="${paper}"/>
      <g fill="${ink}" ${blur ? 'filter="url(#worn)"' : ""}
        transform="translate(10 ${24 + size * 0.35}) rotate(${tilt} ${width / 2} 0)">${span(size)}</g>
    </svg>`,
    { font },
  );
  const rendered = image.render();
  const pixels = Uint8Array.from(rendered.pixels);
  rendered.free();
  image.free();
  addGrain(pixels, random() * 12, random);
  return { text, pixels, width };
}

function colour(random: () => number, lightness: number): string {
  const [hue, saturation] = [Math.floor(random() * 360), Math.floor(20 + random() * 60)];
  return `hsl(${hue}, ${saturation}%, ${lightness + Math.floor(random() * 12)}%)`;
}

function addGrain(pixels: Uint8Array, amount: number, random: () => number): void {
  for (let i = 0; i < pixels.length; i++) {
    if (i % 4 === 3) continue;
    const noise = (random() + random() + random() - 1.5) * amount;
    pixels[i] = Math.min(Math.max(Math.round(pixels[i]! + noise), 0), 255);
  }
}
