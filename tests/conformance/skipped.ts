/** Tests of the suite that are not run, each with its reason. */
import type { onnx as Onnx } from "onnx-proto";
import { elementTypeName } from "../../src/onnx/tensor.ts";
import type { NodeTest } from "./node_tests.ts";

const NOISE = "it expects the rounding errors of f32, 2e-7, where the exact result is 0";
const INSIDE = "a shape inside the body of an If depends on the data";
const NEWER = "an operator of operator set 27";
const RANDOM = "random numbers";

/** Tests by name or the beginning of it (with a star at the end, which leaves out their expanded functions), with the reason why they are not run. */
export const SKIPPED: Readonly<Record<string, string>> = {
  "test_resize_downsample_scales_cubic_align_corners":
    "align_corners of a fractional output size: onnxruntime and PyTorch take the whole size, and so do we",
  "test_resize_downsample_scales_linear_align_corners":
    "align_corners of a fractional output size: onnxruntime and PyTorch take the whole size, and so do we",
  "test_dft_inverse": NOISE,
  "test_dft_inverse_opset19": NOISE,
  "test_training_dropout": RANDOM,
  "test_training_dropout_default": RANDOM,
  "test_training_dropout_default_mask": RANDOM,
  "test_training_dropout_mask": RANDOM,
  "test_bernoulli*": RANDOM,
  "test_bernoulli_expanded": RANDOM,
  "test_bernoulli_double_expanded": RANDOM,
  "test_bernoulli_seed_expanded": RANDOM,
  "test_affine_grid_2d_expanded": INSIDE,
  "test_affine_grid_2d_align_corners_expanded": INSIDE,
  "test_affine_grid_3d_align_corners_expanded": INSIDE,
  "test_scan_sum": "Scan of operator set 8, which has lengths and batches",
  "test_bitcast_float64_to_int64": "double precision is computed in single, which has other bits",
  "test_bitcast_int64_to_float64": "double precision is computed in single, which has other bits",
  "test_mish_expanded": "exp, log and tanh of a GPU lose 1.2e-3 of one element of 10000 near 0, where f32 cancels",
  "test_not_*": "operator set 1: 7 is the oldest that is read",
  "test_causal_conv_with_state*": NEWER,
  "test_linear_attention*": NEWER,
  "test_image_decoder*": "decoding of image files",
  "test_tfidfvectorizer*": "text",
  "test_optional_*": "optional values",
};

/** Why a test is not run, or `null` where it is. */
export function reasonToSkip({ name, model }: NodeTest): string | null {
  const domain = model.opsetImport.find((set) => set.domain && set.domain !== "ai.onnx")?.domain;
  if (domain) return `domain ${domain}`;
  const { graph } = model;
  const nodes = graph ? nodesOf(graph) : [];
  for (const { type } of [...graph?.input ?? [], ...graph?.output ?? []]) {
    if (!type?.tensorType) {
      return type?.sequenceType ? "sequences" : type?.optionalType ? "optional values" : "no tensor";
    }
    const reason = reasonOf(type.tensorType.elemType ?? 0);
    if (reason) return reason;
  }
  if (nodes.some(({ opType }) => /Sequence/.test(opType ?? ""))) return "sequences";
  const entry = Object.entries(SKIPPED).find(([key]) =>
    key.endsWith("*") ? !name.includes("_expanded") && name.startsWith(key.slice(0, -1)) : name === key
  );
  return entry?.[1] ?? null;
}

function reasonOf(elementType: number): string | null {
  const name = elementTypeName(elementType);
  if (name === "STRING") return "strings";
  return /^(FLOAT8|FLOAT4|U?INT[24]$)/.test(name) || elementType > 23
    ? "floats of 4 and 8 bits, integers of 2 and 4"
    : null;
}

function nodesOf(graph: Onnx.IGraphProto): Onnx.INodeProto[] {
  return (graph.node ?? []).flatMap((node) => [
    node,
    ...(node.attribute ?? []).flatMap(({ g }) => g ? nodesOf(g) : []),
  ]);
}
