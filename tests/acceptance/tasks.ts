/** The subjects of `datasets.ts` and three with metrics of their own: detection, reading of text lines, next tokens. */
import decodeJpeg, { init as initJpeg } from "@jsquash/jpeg/decode.js";
import { decode, loadReader } from "../../examples/ocr/reader.ts";
import {
  type CalibrationItem,
  type ItemInputs,
  type Metric,
  type Model,
  runItems,
  type Tensor,
  tensor,
  top1,
} from "../../mod.ts";
import { readNpy } from "../../src/commands/npy.ts";
import { argmax } from "../../src/metrics/classification.ts";
import {
  type Box,
  type Detection,
  type LabelledBox,
  meanAveragePrecision,
  suppress,
} from "../../src/metrics/detection.ts";
import { readData, type Subject, SUBJECTS } from "./datasets.ts";

/** A model, its data and its metric. */
export interface AccuracyTask {
  /** A short name. */
  readonly name: string;
  /** The ONNX file. */
  readonly bytes: Uint8Array;
  /** Inputs that ranges are taken from, with their batch axis. */
  readonly calibration: readonly CalibrationItem[];
  /** Items that the metric is computed on. */
  readonly validation: readonly unknown[];
  /** The metric, from 0 to 1. */
  readonly validate: (model: Model, items: readonly unknown[]) => Promise<Metric | number>;
}

/** The tasks, by name; each is read when it is asked for. */
export const TASKS: Readonly<Record<string, () => AccuracyTask | Promise<AccuracyTask>>> = {
  ...Object.fromEntries(
    Object.entries(SUBJECTS).map(([name, load]) => [name, async () => classification(await load())]),
  ),
  fastestdet: detection,
  ocr: textLines,
  stories260k: nextTokens,
};

function classification({ name, bytes, calibration, validation }: Subject): AccuracyTask {
  return {
    name,
    bytes,
    calibration: calibration.map(({ inputs }) => batched(inputs)),
    validation,
    validate: (model, items) => top1(model, items as Subject["validation"]),
  };
}

/** Inputs with a batch axis of one, but for the features of KWT-1, which has none. */
function batched(inputs: ItemInputs): ItemInputs {
  return Object.fromEntries(
    Object.entries(inputs).map((
      [name, item],
    ) => [name, item.shape.length < 3 ? item : { ...item, shape: [1, ...item.shape] }]),
  );
}

async function outputsOf(model: Model, items: readonly { readonly inputs: ItemInputs }[]): Promise<Tensor[]> {
  const outputs: Tensor[] = [];
  for await (const own of runItems(model, items.map(({ inputs }) => inputs))) {
    outputs.push(own[model.outputs[0]!.name]!);
  }
  return outputs;
}

interface Picture {
  readonly inputs: ItemInputs;
  readonly truth: readonly LabelledBox[];
}

/** FastestDet on 128 pictures of COCO, mAP at an overlap of 0.5; it is calibrated on the same pictures, as NNCF was. */
async function detection(): Promise<AccuracyTask> {
  const folder = "detect_vww_coco_train128";
  const codec = import.meta.resolve("@jsquash/jpeg/codec/dec/mozjpeg_dec.wasm");
  await initJpeg(await WebAssembly.compile(await Deno.readFile(new URL(codec))));
  const { gt, files } = JSON.parse(new TextDecoder().decode(readData(`${folder}/labels.json`))) as {
    readonly gt: readonly (readonly (readonly [number, number, number, number, number])[])[];
    readonly files: readonly string[];
  };
  const pictures: Picture[] = [];
  for (const [i, file] of files.entries()) {
    const { data } = await decodeJpeg(readData(`${folder}/img352/${file}`).buffer);
    const plane = 352 * 352;
    const elements = new Float32Array(3 * plane);
    for (let c = 0; c < 3; c++) for (let p = 0; p < plane; p++) elements[c * plane + p] = data[p * 4 + 2 - c]! / 255;
    const truth = gt[i]!.map(([label, x, y, width, height]): LabelledBox => ({
      label,
      box: around(x, y, width, height),
    }));
    pictures.push({ inputs: { "input.1": tensor("f32", [1, 3, 352, 352], elements) }, truth });
  }
  return {
    name: "fastestdet",
    bytes: readData(`${folder}/FastestDet.onnx`),
    calibration: pictures.map(({ inputs }) => inputs),
    validation: pictures,
    validate: async (model, items) => {
      const own = items as readonly Picture[];
      const outputs = await outputsOf(model, own);
      return meanAveragePrecision(own.map(({ truth }, i) => ({ truth, detections: detectionsOf(outputs[i]!) })), [0.5]);
    },
  };
}

function around(x: number, y: number, width: number, height: number): Box {
  return [x - width / 2, y - height / 2, x + width / 2, y + height / 2];
}

/** The boxes in FastestDet's answer of `[1, 5 + classes, rows, columns]`: objectness, box, classes (its own example). */
function detectionsOf({ shape, data }: Tensor): Detection[] {
  const [, channels = 0, rows = 0, columns = 0] = shape;
  const found: Detection[] = [];
  for (let y = 0; y < rows; y++) {
    for (let x = 0; x < columns; x++) {
      const at = (c: number): number => data[(c * rows + y) * columns + x]!;
      const classes = Array.from({ length: channels - 5 }, (_, i) => at(5 + i));
      const label = argmax(classes);
      const score = at(0) ** 0.6 * classes[label]! ** 0.4;
      if (!(score > 0.01)) continue;
      const sigmoid = (v: number): number => 1 / (1 + Math.exp(-v));
      const box = around(
        (x + Math.tanh(at(1))) / columns,
        (y + Math.tanh(at(2))) / rows,
        sigmoid(at(3)),
        sigmoid(at(4)),
      );
      found.push({ label, score, box });
    }
  }
  return suppress(found, 0.45);
}

/** PP-OCRv4 on 300 drawn lines: the share that is read exactly. */
function textLines(): AccuracyTask {
  const { bytes, alphabet } = loadReader();
  const { shape, data } = readNpy(readData("ocr/lines_u8.npy"), "lines_u8.npy");
  const texts = JSON.parse(new TextDecoder().decode(readData("ocr/lines.json"))) as readonly string[];
  const [, height = 0, width = 0] = shape;
  const items = texts.map((text, n) => {
    const plane = height * width;
    const pixels = (data as Uint8Array).subarray(n * plane * 3, (n + 1) * plane * 3);
    const columns = Array.from({ length: width }, (_, x) => x);
    const used = columns.map((x) => {
      for (let y = 0; y < height; y++) {
        for (let c = 0; c < 3; c++) if (pixels[(y * width + x) * 3 + c] !== 127) return true;
      }
      return false;
    });
    const elements = new Float32Array(3 * plane);
    for (let c = 0; c < 3; c++) {
      for (let y = 0; y < height; y++) {
        for (const x of columns) {
          if (used[x]) elements[c * plane + y * width + x] = pixels[(y * width + x) * 3 + 2 - c]! / 127.5 - 1;
        }
      }
    }
    return { inputs: { x: tensor("f32", [3, height, width], elements) }, text };
  });
  return {
    name: "ocr",
    bytes: bytes,
    calibration: items.slice(0, 100).map(({ inputs }) => batched(inputs)),
    validation: items.slice(100),
    validate: async (model, own) => {
      const lines = own as typeof items;
      const outputs = await outputsOf(model, lines);
      const perItem = outputs.map(({ shape, data }, i) =>
        decode({ dtype: "f32", shape: shape.length === 2 ? [1, ...shape] : shape, data }, alphabet)[0] ===
            lines[i]!.text
          ? 1
          : 0
      );
      return { metric: perItem.reduce<number>((a, b) => a + b, 0) / perItem.length, perItem };
    },
  };
}

interface Window {
  readonly inputs: ItemInputs;
  readonly tokens: readonly number[];
}

/** A story teller of 260,000 parameters: the share of next tokens that it guesses, in windows of 128. */
function nextTokens(): AccuracyTask {
  const size = 128;
  const windows = (file: string): Window[] => {
    const texts = JSON.parse(new TextDecoder().decode(readData(`llm/${file}`))) as readonly (readonly number[])[];
    return texts.flatMap((text) =>
      Array.from({ length: Math.ceil(text.length / size) }, (_, i): Window => {
        const tokens = text.slice(i * size, (i + 1) * size);
        const padded = Array.from({ length: size }, (_, k) => tokens[k] ?? 0);
        return { inputs: { input_ids: tensor("i64", [size], padded) }, tokens };
      })
    );
  };
  return {
    name: "stories260k",
    bytes: readData("llm/stories260K_T128.onnx"),
    calibration: windows("ts_sample_tok.json").map(({ inputs }) => ({
      input_ids: { ...inputs["input_ids"]!, shape: [1, size] },
    })),
    validation: windows("ts_valid_30k_tok.json"),
    validate: async (model, items) => {
      const own = items as readonly Window[];
      const outputs = await outputsOf(model, own);
      const counts = own.map(({ tokens }, i) => {
        const { data } = outputs[i]!;
        const classes = data.length / size;
        let right = 0;
        for (let t = 0; t + 1 < tokens.length; t++) {
          if (argmax((data as Float32Array).subarray(t * classes, (t + 1) * classes)) === tokens[t + 1]) right++;
        }
        return { right, of: tokens.length - 1 };
      });
      const sum = (list: readonly number[]): number => list.reduce((a, b) => a + b, 0);
      return {
        metric: sum(counts.map(({ right }) => right)) / sum(counts.map((count) => count.of)),
        perItem: counts.map(({ right, of }) => right / of),
      };
    },
  };
}
