/** Whole models: real ones with real data, and published architectures with weights from a seed. */
import { loadReader, toInput } from "../../examples/ocr/reader.ts";
import { renderLines } from "../../examples/ocr/render.ts";
import { type Graph, type Tensor, writeOnnx } from "../../mod.ts";
import { SUBJECTS } from "../acceptance/datasets.ts";
import { sharedData } from "../data.ts";
import { GraphBuilder } from "../models/builder.ts";
import { encoder } from "../models/encoder.ts";
import { resnet18 } from "../models/resnet18.ts";
import { type PixelOptions, readImages } from "./images.ts";
import { stack, type Subject, type Workload } from "./workload.ts";

const CALIBRATION_ITEMS = 8;

/** Models of a folder beside the checkout; a run without that folder leaves them out. */
const DATA_MODELS: readonly Workload[] = [
  model("resnet20_b1", "ResNet-20, CIFAR-10, 1x3x32x32", () => fromSubject("resnet20_cifar10", 1, 10)),
  model("resnet20_b32", "ResNet-20, CIFAR-10, 32x3x32x32", () => fromSubject("resnet20_cifar10", 32, 10)),
  model(
    "mobilenetv1_025",
    "MobileNetV1 0.25, ImageNet, 1x3x224x224",
    () =>
      fromImages("imagenet/mobilenet_v1_0.25_224.onnx", "imagenet/images/", {
        input: "input",
        classes: 1000,
        pixels: { size: 224, order: "CHW", mean: 127.5, scale: 1 / 127.5 },
      }),
  ),
  model(
    "mobilenetv2_cifar",
    "MobileNetV2-like, CIFAR-10, 1x3x32x32",
    () => fromSubject("mobilenetv2like_alibaba_ic", 1, 10),
  ),
  model(
    "mobilenetv2_100",
    "MobileNetV2 1.0, ImageNet, 1x224x224x3",
    () =>
      fromImages("imagenet/mobilenet_v2_1.0_224_quant_dequant.onnx", "imagenet/images/", {
        input: "input",
        classes: 1001,
        pixels: { size: 224, order: "HWC", mean: 127.5, scale: 1 / 127.5 },
      }),
  ),
  model("kwt1", "KWT-1, Speech Commands, 98x40", () => fromSubject("kwt1_features", 0, 12)),
  model(
    "fastestdet",
    "FastestDet, COCO, 1x3x352x352",
    () =>
      fromImages("detect_vww_coco_train128/FastestDet.onnx", "detect_vww_coco_train128/img352/", {
        input: "input.1",
        classes: null,
        pixels: { size: 352, order: "CHW", bgr: true, mean: 0, scale: 1 / 255 },
      }),
  ),
];

const OWN_MODELS: readonly Workload[] = [
  model("ppocr_v4_rec", "PP-OCRv4 recognition, a line of 1x3x48x256", reader),
  model("resnet18", "ResNet-18, weights from a seed, 1x3x224x224", () => generated(resnet18(), [1, 3, 224, 224])),
  model(
    "encoder_6x384",
    "BERT encoder of 6 layers, weights from a seed, 1x64x384",
    () => generated(encoder(), [1, 64, 384]),
  ),
];

/** All models that can be had here. */
export const MODELS: readonly Workload[] = [...(sharedData("") ? DATA_MODELS : []), ...OWN_MODELS];

function model(name: string, about: string, load: Workload["load"]): Workload {
  return { name, kind: "model", about, load };
}

/** A subject of the acceptance test at a batch size; 0 for a model without a batch axis. */
async function fromSubject(name: string, batch: number, classes: number): Promise<Subject> {
  const { bytes, calibration, validation } = await SUBJECTS[name]!();
  const input = Object.keys(validation[0]!.inputs)[0]!;
  const whole = ({ inputs }: (typeof validation)[number]) => batch === 0 ? inputs[input]! : stack([inputs[input]!]);
  return {
    bytes,
    input,
    x: batch === 0 ? whole(validation[0]!) : stack(validation.slice(0, batch).map(({ inputs }) => inputs[input]!)),
    calibration: calibration.slice(0, CALIBRATION_ITEMS).map(whole),
    classes,
  };
}

async function fromImages(
  file: string,
  folder: string,
  { input, classes, pixels }: {
    readonly input: string;
    readonly classes: number | null;
    readonly pixels: PixelOptions;
  },
): Promise<Subject> {
  const images = await readImages(sharedData(folder)!, 1 + CALIBRATION_ITEMS, pixels);
  return subjectOf(Deno.readFileSync(sharedData(file)!), input, images.map((image) => stack([image])), classes);
}

async function reader(): Promise<Subject> {
  const width = 256;
  const lines = await renderLines(1 + CALIBRATION_ITEMS, width, 3);
  const { bytes, alphabet } = loadReader();
  return subjectOf(bytes, "x", lines.map((line) => stack([toInput(line, width)])), alphabet.length);
}

/** The scores of untrained weights lie close together: their order is no measure. */
function generated(graph: Graph, shape: readonly number[]): Subject {
  const data = new GraphBuilder(2);
  const items = Array.from({ length: 1 + CALIBRATION_ITEMS }, () => data.draw(shape, -1.7, 1.7));
  return subjectOf(writeOnnx(graph), "x", items, null);
}

function subjectOf(bytes: Uint8Array, input: string, items: readonly Tensor[], classes: number | null): Subject {
  const [x, ...calibration] = items;
  return { bytes, input, x: x!, calibration, classes };
}
