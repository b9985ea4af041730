/** Photographs as model inputs. */
import decodeJpeg, { init as initJpeg } from "@jsquash/jpeg/decode.js";
import { type Tensor, tensor } from "../../mod.ts";

/** How pixels become numbers: `(v - mean) * scale`. */
export interface PixelOptions {
  /** Height and width wanted; the middle of larger pictures is taken. */
  readonly size: number;
  /** Channels before or after the pixels of a row. */
  readonly order: "CHW" | "HWC";
  /** Blue first, as OpenCV has it. */
  readonly bgr?: boolean;
  readonly mean: number;
  readonly scale: number;
}

/** The first `count` JPEG files of a folder by name, without a batch axis. */
export async function readImages(folder: URL, count: number, options: PixelOptions): Promise<Tensor[]> {
  const codec = import.meta.resolve("@jsquash/jpeg/codec/dec/mozjpeg_dec.wasm");
  await initJpeg(await WebAssembly.compile(await Deno.readFile(new URL(codec))));
  const names = Array.from(Deno.readDirSync(folder), ({ name }) => name).filter((name) => name.endsWith(".jpg")).sort();
  const images: Tensor[] = [];
  for (const name of names.slice(0, count)) {
    const { data, width, height } = await decodeJpeg(Deno.readFileSync(new URL(name, folder)).buffer);
    images.push(toTensor(data, width, height, options));
  }
  return images;
}

/** The middle of an RGBA picture. */
export function toTensor(
  rgba: ArrayLike<number>,
  width: number,
  height: number,
  { size, order, bgr = false, mean, scale }: PixelOptions,
): Tensor {
  const [top, left] = [(height - size) >> 1, (width - size) >> 1];
  const data = new Float32Array(3 * size * size);
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      for (let c = 0; c < 3; c++) {
        const value = rgba[((top + y) * width + left + x) * 4 + (bgr ? 2 - c : c)]!;
        data[order === "CHW" ? (c * size + y) * size + x : (y * size + x) * 3 + c] = (value - mean) * scale;
      }
    }
  }
  return tensor("f32", order === "CHW" ? [3, size, size] : [size, size, 3], data);
}
