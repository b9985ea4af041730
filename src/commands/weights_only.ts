/** `quantize --weights-only`: weights in 8 bits, without data. @module */
import { exportGraph } from "../graph/export.ts";
import type { ExportTarget } from "../graph/targets.ts";
import { writeOnnx } from "../onnx/write.ts";
import { compressWeights } from "../quant/compress_weights.ts";
import { fileRows, table } from "../report/text.ts";
import { EXIT, type Terminal } from "./command.ts";
import { checkWritable, readBytes, readModel, writeWhole } from "./files.ts";

/** What is compressed, and for whom. */
export interface WeightsOnly {
  /** The model. */
  readonly model: string;
  /** The file to write. */
  readonly out: string;
  /** Whether each output channel has its own scale. */
  readonly perChannel: boolean;
  /** Who reads the file. */
  readonly target: ExportTarget;
  /** Whether one JSON object is printed instead of a table. */
  readonly json: boolean;
}

/** Writes a model with its weights in 8 bits and says how large it is; returns the exit code. */
export async function writeWeightsOnly(settings: WeightsOnly, terminal: Terminal): Promise<number> {
  const { model, out, perChannel, target, json } = settings;
  const graph = await readModel(model);
  await checkWritable(out);
  const compressed = compressWeights(graph, { perChannel });
  const bytes = writeOnnx(
    exportGraph(compressed, new Set(), { target, parameters: { weightsOnly: true, perChannel } }),
  );
  await writeWhole(out, bytes);
  const sizes = { before: (await readBytes(model)).length, after: bytes.length };
  const { quantizers: { length: weights }, warnings } = compressed;
  for (const warning of warnings) terminal.error(`warning: ${warning}`);
  terminal.out(
    json
      ? JSON.stringify({ weights, out, bytesBefore: sizes.before, bytes: sizes.after, warnings })
      : table([["weights in INT8", `${weights}; computed in float`], ...fileRows({ file: out, sizes })]),
  );
  return EXIT.done;
}
