/** Real models with labelled data, read from a folder beside the checkout that is no part of the project. */
import decodeJpeg, { init as initJpeg } from "@jsquash/jpeg/decode.js";
import { decode as decodePng } from "fast-png";
import { type LabelledItem, tensor } from "../../mod.ts";

const DATA = new URL("../../../shared/data/", import.meta.url);

/** A model, its data, and the accuracy that is known of it. */
export interface Subject {
  /** A short name. */
  readonly name: string;
  /** The ONNX file. */
  readonly bytes: Uint8Array;
  /** Items that ranges are taken from. */
  readonly calibration: readonly LabelledItem[];
  /** Items that accuracy is measured on. */
  readonly validation: readonly LabelledItem[];
  /** Top-1 accuracy of the FP32 model on `published`, in percent. */
  readonly fp32Top1: number;
  /** The items that `fp32Top1` was measured on. */
  readonly published: readonly LabelledItem[];
}

/** The subjects, by name; each is read when it is asked for. */
export const SUBJECTS: Readonly<Record<string, () => Subject | Promise<Subject>>> = {
  kws_dscnn: () => keywords("kws_dscnn"),
  kws_dscnn_hardened_r4: () => keywords("kws_dscnn_hardened_r4"),
  mobilenet_v1_025: imageNet,
  resnet20_cifar10: () => cifar("resnet20_cifar10", "input", 91.5),
  mobilenetv2like_alibaba_ic: () => cifar("mobilenetv2like_alibaba_ic", "actual_input_1", 82.7),
  kwt1_features: keywordTransformer,
  mnist_cntk_op7_fp32: digits,
};

/** Whether the data are there. */
export function hasData(): boolean {
  try {
    return Deno.statSync(DATA).isDirectory;
  } catch {
    return false;
  }
}

/** A file of the data folder. */
export function readData(path: string): Uint8Array<ArrayBuffer> {
  return Deno.readFileSync(new URL(path, DATA));
}

function items(
  count: number,
  input: string,
  shape: readonly number[],
  labels: ArrayLike<number>,
  elements: (index: number) => Float32Array,
): LabelledItem[] {
  return Array.from({ length: count }, (_, i) => ({
    inputs: { [input]: tensor("f32", shape, elements(i)) },
    label: labels[i]!,
  }));
}

function keywords(name: string): Subject {
  const mfcc = new Int8Array(readData("kws/kws01_mfcc_i8.bin").buffer);
  const all = items(
    1000,
    "input",
    [49, 10, 1],
    readData("kws/kws01_labels_u8.bin"),
    (i) => Float32Array.from(mfcc.subarray(i * 490, (i + 1) * 490), (v) => (v - 83) * 0.5847029089927673),
  );
  return {
    name,
    bytes: readData(`kws/${name}.onnx`),
    calibration: all.slice(0, 200),
    validation: all.slice(200),
    fp32Top1: 90.1,
    published: all,
  };
}

/** Pixels of a picture as `[3, height, width]`, each channel `c` as `(v / 255 - mean[c]) / std[c]`. */
function planes(
  pixels: ArrayLike<number>,
  size: number,
  offset: (y: number, x: number) => number,
  mean: readonly number[],
  std: readonly number[],
): Float32Array {
  const data = new Float32Array(3 * size * size);
  for (let c = 0; c < 3; c++) {
    for (let y = 0; y < size; y++) {
      for (let x = 0; x < size; x++) {
        data[(c * size + y) * size + x] = (pixels[offset(y, x) + c]! / 255 - mean[c]!) / std[c]!;
      }
    }
  }
  return data;
}

function cifar(name: string, input: string, fp32Top1: number): Subject {
  const batch = (index: number, count: number) => {
    const { data: pixels } = decodePng(readData(`cifar/cifar10_batch_${index}.png`));
    const labels = readData(`cifar/cifar10_batch_${index}_labels_u8.bin`);
    const [mean, std] = [[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]];
    return items(
      count,
      input,
      [3, 32, 32],
      labels,
      (i) => planes(pixels, 32, (y, x) => (i * 1024 + y * 32 + x) * 3, mean, std),
    );
  };
  const validation = batch(50, 1000);
  return {
    name,
    bytes: readData(`cifar/${name}.onnx`),
    calibration: [0, 1, 2, 3].flatMap((index) => batch(index, 75)),
    validation,
    fp32Top1,
    published: validation,
  };
}

async function imageNet(): Promise<Subject> {
  const codec = import.meta.resolve("@jsquash/jpeg/codec/dec/mozjpeg_dec.wasm");
  await initJpeg(await WebAssembly.compile(await Deno.readFile(new URL(codec))));
  const folder = new URL("imagenet/images/", DATA);
  const half = [0.5, 0.5, 0.5];
  const all: LabelledItem[] = [];
  for (const name of Array.from(Deno.readDirSync(folder), (entry) => entry.name).sort()) {
    const { data, width } = await decodeJpeg(Deno.readFileSync(new URL(name, folder)).buffer);
    const elements = planes(data, 224, (y, x) => ((y + 16) * width + x + 16) * 4, half, half);
    all.push({ inputs: { input: tensor("f32", [3, 224, 224], elements) }, label: Number(name.slice(0, 4)) });
  }
  return {
    name: "mobilenet_v1_025",
    bytes: readData("imagenet/mobilenet_v1_0.25_224.onnx"),
    calibration: all.filter(({ label }) => label % 10 === 0),
    validation: all.filter(({ label }) => label % 10 !== 0),
    fp32Top1: 59.2,
    published: all,
  };
}

function keywordTransformer(): Subject {
  const features = new Float32Array(readData("kwt1/features_350x98x40_f32.bin").buffer);
  const { items: entries } = JSON.parse(new TextDecoder().decode(readData("kwt1/kwt_labels.json"))) as {
    readonly items: readonly { readonly file: string; readonly label: number }[];
  };
  const all = items(
    350,
    "t214",
    [98, 40],
    entries.map(({ label }) => label),
    (i) => features.slice(i * 3920, (i + 1) * 3920),
  );
  const isTraining = (i: number) => entries[i]!.file.startsWith("train/");
  return {
    name: "kwt1_features",
    bytes: readData("kwt1/kwt1_features.onnx"),
    calibration: all.filter((_, i) => isTraining(i)),
    validation: all.filter((_, i) => !isTraining(i)),
    fp32Top1: 97.14,
    published: all,
  };
}

async function digits(): Promise<Subject> {
  const unzip = async (path: string) => {
    const stream = new Blob([readData(path)]).stream().pipeThrough(new DecompressionStream("gzip"));
    return new Uint8Array(await new Response(stream).arrayBuffer());
  };
  const images = (await unzip("mnist/t10k-images-idx3-ubyte.gz")).subarray(16);
  const labels = (await unzip("mnist/t10k-labels-idx1-ubyte.gz")).subarray(8);
  const all = items(
    10_000,
    "Input3",
    [1, 28, 28],
    labels,
    (i) => Float32Array.from(images.subarray(i * 784, (i + 1) * 784)),
  );
  return {
    name: "mnist_cntk_op7_fp32",
    bytes: readData("mnist/mnist_cntk_op7_fp32.onnx"),
    calibration: all.slice(0, 300),
    validation: all.slice(1000),
    fp32Top1: 98.91,
    published: all,
  };
}
