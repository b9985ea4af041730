/** `run`: a model's outputs for .npy files. @module */
import { join } from "node:path";
import { openModel } from "../runtime/model.ts";
import { batchOf, runItems } from "../search/batches.ts";
import { allocate, sizeOf, type Tensor } from "../tensor/tensor.ts";
import { modelOf, UsageError } from "./arguments.ts";
import { BACKEND_OPTIONS, backendOf, openOwn } from "./backend.ts";
import { type Command, EXIT } from "./command.ts";
import { readItems } from "./dataset.ts";
import { readModel, writeWhole } from "./files.ts";
import { writeNpy } from "./npy.ts";

/** `run` */
export const runCommand: Command = {
  summary: "Run a model on .npy files and write its outputs as .npy files",
  usage: "run MODEL --input [NAME=]X.npy [--input ...] --out DIR [--backend webgpu|cpu]",
  notes: [
    "The first axis of a .npy file counts the items. A model with several inputs takes NAME=X.npy for each.",
    "DIR gets one file for each output, with the outputs of all items along the first axis.",
  ],
  options: [
    { name: "input", value: "[NAME=]X.npy", repeated: true, help: "items for an input" },
    { name: "out", value: "DIR", help: "the folder to write to; made where it does not exist" },
    ...BACKEND_OPTIONS,
  ],
  async run(args, terminal): Promise<number> {
    const file = modelOf(args);
    const folder = args.value("out");
    if (folder === undefined) throw new UsageError("--out is missing");
    if (!args.has("input")) throw new UsageError("--input is missing");
    backendOf(args);
    const graph = await readModel(file);
    const items = await readItems(graph.inputs, "input", args.values("input"));
    await Deno.mkdir(folder, { recursive: true }).catch((error: Error) => {
      throw new Error(`Cannot write to "${folder}": ${error.message}`, { cause: error });
    });
    await using backend = await openOwn(args, terminal);
    await using model = openModel(graph, backend);
    const stacked = batchOf(graph.inputs, items[0]!) !== null;
    const parts = new Map<string, Tensor[]>(model.outputs.map(({ name }) => [name, []]));
    for await (const outputs of runItems(model, items)) {
      for (const [name, own] of parts) own.push(outputs[name]!);
    }
    const files = fileNames([...parts.keys()]);
    for (const [name, own] of parts) {
      const whole = concatenated(name, own, stacked);
      const target = join(folder, files.get(name)!);
      await writeWhole(target, writeNpy(whole));
      terminal.out(`${name} ${whole.dtype} [${whole.shape.join(", ")}] -> ${target}`);
    }
    return EXIT.done;
  },
};

/** A file name for each output, without characters that a file name cannot have everywhere. */
export function fileNames(outputs: readonly string[]): Map<string, string> {
  const taken = new Set<string>();
  return new Map(outputs.map((name) => {
    const base = name.replace(/[^\w.-]+/g, "_") || "output";
    let file = `${base}.npy`;
    for (let number = 2; taken.has(file.toLowerCase()); number++) file = `${base}_${number}.npy`;
    taken.add(file.toLowerCase());
    return [name, file];
  }));
}

function concatenated(name: string, parts: readonly Tensor[], stacked: boolean): Tensor {
  const first = parts[0]!;
  const other = parts.find(({ shape }) => shape.join() !== first.shape.join());
  if (other) {
    throw new RangeError(
      `Output "${name}" differs in shape between items ([${first.shape}], [${other.shape}]): it does not fit one array`,
    );
  }
  const size = sizeOf(first.shape);
  const data = allocate(first.dtype, size * parts.length);
  parts.forEach((part, i) => data.set(part.data, i * size));
  const [head = 1, ...tail] = first.shape;
  const shape = stacked && first.shape.length > 0 ? [head * parts.length, ...tail] : [parts.length, ...first.shape];
  return { dtype: first.dtype, shape, data };
}
