/** `inspect`: what is in a model. @module */
import type { ValueInfo } from "../graph/graph.ts";
import { table } from "../report/text.ts";
import { readOnnx } from "../onnx/read.ts";
import { OPS } from "../ops/mod.ts";
import { modelOf } from "./arguments.ts";
import { type Command, EXIT } from "./command.ts";
import { readBytes } from "./files.ts";
import { type FilePrecision, precisionOf } from "./precision.ts";

/** `inspect` */
export const inspectCommand: Command = {
  summary: "Show the inputs, outputs and operators of a model, and what of it is in INT8",
  usage: "inspect MODEL [--json]",
  options: [{ name: "json", help: "print one JSON object" }],
  async run(args, terminal): Promise<number> {
    const file = modelOf(args);
    const bytes = await readBytes(file);
    const graph = readOnnx(bytes, { file });
    const counts = new Map<string, number>();
    for (const { op } of graph.nodes) counts.set(op, (counts.get(op) ?? 0) + 1);
    const operators = [...counts].sort(([a], [b]) => a < b ? -1 : 1);
    const unsupported = operators.map(([op]) => op).filter((op) => !Object.hasOwn(OPS, op));
    const precision = precisionOf(graph);
    const quantized = precision.quantizers > 0;
    if (args.has("json")) {
      const { inputs, outputs, opset } = graph;
      const groups = quantized ? precision.groups : [];
      terminal.out(JSON.stringify({
        ...{ file, bytes: bytes.length, opset, inputs, outputs, operators: Object.fromEntries(operators), unsupported },
        ...{ quantized, quantizers: precision.quantizers, groups },
      }));
      return EXIT.done;
    }
    terminal.out(table([
      ["file", `${file} (${bytes.length} bytes, opset ${graph.opset})`],
      ...rows("inputs", graph.inputs.map(valueText)),
      ...rows("outputs", graph.outputs.map(valueText)),
      ...rows(
        "operators",
        operators.map(([op, count]) => `${count} ${op}${unsupported.includes(op) ? " (unsupported)" : ""}`),
      ),
      ...(quantized ? precisionRows(precision) : [["quantized", "no"] as const]),
    ]));
    return EXIT.done;
  },
};

function rows(label: string, texts: readonly string[]): [string, string][] {
  return texts.map((text, i) => [i === 0 ? label : "", text]);
}

function valueText({ name, dtype, shape }: ValueInfo): string {
  return `${name} ${dtype} ${shape ? `[${shape.join(", ")}]` : "of any shape"}`;
}

function precisionRows({ quantizers, groups }: FilePrecision): [string, string][] {
  const int8 = groups.filter(({ precision }) => precision === "int8");
  return [
    ["quantizers", String(quantizers)],
    ["groups", `${groups.length}, ${int8.length} of them in INT8`],
    ...groups.map(({ nodes, precision }): [string, string] => ["", `${precision} ${nodes.join(" ")}`]),
  ];
}
