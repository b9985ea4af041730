/** Tests of the suite that are not run, each with its reason. */
import type { onnx as Onnx } from "onnx-proto";
import { elementTypeName } from "../../src/onnx/tensor.ts";
import type { NodeTest } from "./node_tests.ts";

/** Tests by name or the beginning of it (with a star at the end), with the reason why they are not run. */
export const SKIPPED: Readonly<Record<string, string>> = {};

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
    key.endsWith("*") ? name.startsWith(key.slice(0, -1)) : name === key
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
